extension [UInt8] {
  /// Appends a number that is not negative as exactly `count` decimal digits.
  mutating func appendDigits(_ number: Int64, count: Int) {
    precondition(number >= 0, "only numbers that are not negative have plain digits")
    append(repeating: UInt8(ascii: "0"), count: count)
    var rest = number
    var index = self.count
    for _ in 0..<count {
      index -= 1
      self[index] += UInt8(rest % 10)
      rest /= 10
    }
  }

  /// Appends a year as four digits, or as a sign and more digits where ISO 8601 wants them.
  mutating func appendYear(_ year: Int64) {
    guard !(0...9999).contains(year) else { return appendDigits(year, count: 4) }
    append(UInt8(ascii: year < 0 ? "-" : "+"))
    appendDigits(Swift.abs(year), count: year.magnitude < 100_000 ? 5 : 6)
  }

  private mutating func append(repeating byte: UInt8, count: Int) {
    append(contentsOf: repeatElement(byte, count: count))
  }
}
