/// A natural number of any size, by schoolbook arithmetic on decimal digits.
struct NaturalNumber: Comparable {
  /// The least significant first, without zeros at the end.
  private var digits: [Int] = []

  init(_ number: Int64) {
    digits = String(number).reversed().compactMap(\.wholeNumberValue)
    trim()
  }

  static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.add(right, shiftedBy: 0)
    return sum
  }

  static func * (left: Self, right: Self) -> Self {
    var product = NaturalNumber(0)
    for (place, digit) in right.digits.enumerated() {
      for _ in 0..<digit { product.add(left, shiftedBy: place) }
    }
    return product
  }

  static func < (left: Self, right: Self) -> Bool {
    left.digits.count == right.digits.count
      ? left.digits.reversed().lexicographicallyPrecedes(right.digits.reversed())
      : left.digits.count < right.digits.count
  }

  private mutating func add(_ other: Self, shiftedBy shift: Int) {
    var carry = 0
    var place = shift
    while place - shift < other.digits.count || carry > 0 {
      while digits.count <= place { digits.append(0) }
      let digit = place - shift < other.digits.count ? other.digits[place - shift] : 0
      let sum = digits[place] + digit + carry
      digits[place] = sum % 10
      carry = sum / 10
      place += 1
    }
    trim()
  }

  private mutating func trim() { while digits.last == 0 { digits.removeLast() } }
}
