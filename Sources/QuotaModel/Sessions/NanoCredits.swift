/// An amount of AI credits in nano-credits: 0 to 2^63-1. One credit is 1,000,000,000 of them.
///
/// On the wire credits are JSON numbers with a fraction; here they are integers, because they decide
/// (contract session-limits, section 1).
public struct NanoCredits: Hashable, Comparable, Sendable {
  public static let perCredit: Int64 = 1_000_000_000

  public let rawValue: Int64

  public static let zero = NanoCredits(unchecked: 0)
  public static let smallest = NanoCredits(unchecked: 1)
  public static let maximum = NanoCredits(unchecked: .max)

  /// nil where `rawValue` is negative.
  public init?(_ rawValue: Int64) {
    guard rawValue >= 0 else { return nil }
    self.rawValue = rawValue
  }

  init(unchecked rawValue: Int64) { self.rawValue = rawValue }

  public static func < (left: NanoCredits, right: NanoCredits) -> Bool {
    left.rawValue < right.rawValue
  }

  /// The sum, or nil where it does not fit in 63 bits.
  public func adding(_ other: NanoCredits) -> NanoCredits? {
    let (sum, overflow) = rawValue.addingReportingOverflow(other.rawValue)
    return overflow ? nil : NanoCredits(unchecked: sum)
  }

  /// The sum, stopping at the maximum; for folds, which may not fail.
  public func addingClamped(_ other: NanoCredits) -> NanoCredits { adding(other) ?? .maximum }

  /// The difference, stopping at zero.
  public func subtractingClamped(_ other: NanoCredits) -> NanoCredits {
    NanoCredits(unchecked: max(0, rawValue - other.rawValue))
  }
}

extension NanoCredits {
  /// Reads credits from the text of a JSON number, to the nearest nano-credit; halves go away from
  /// zero. nil where the text is no such number, is negative, or does not fit.
  public init?(credits text: String) {
    guard let decimal = DecimalNumber(text), !decimal.isNegative || decimal.isZero,
      let nano = decimal.rounded(scale: 9)
    else { return nil }
    self.init(nano)
  }

  /// Credits as the shortest exact decimal without exponent: `33`, `31.708776`.
  public var credits: String {
    let whole = String(rawValue / Self.perCredit)
    let fraction = rawValue % Self.perCredit
    if fraction == 0 { return whole }
    var digits = String(fraction + Self.perCredit).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return whole + "." + digits
  }
}

extension NanoCredits: CustomStringConvertible {
  public var description: String { String(rawValue) }
}

/// A JSON number taken apart: `digits` times ten to the power of `exponent`.
private struct DecimalNumber {
  /// Powers of ten beyond which every number is zero or does not fit: no text has so many digits.
  private static let maximumExponent = 1 << 40

  let isNegative: Bool
  /// Without leading zeros.
  private var digits: [UInt8] = []
  private var exponent = 0

  init?(_ text: String) {
    var rest = Array(text.utf8)[...]
    isNegative = rest.first == UInt8(ascii: "-")
    if isNegative { rest = rest.dropFirst() }
    let whole = rest.prefix(while: Self.isDigit)
    guard !whole.isEmpty else { return nil }
    rest = rest.dropFirst(whole.count)
    digits.append(contentsOf: whole)
    if rest.first == UInt8(ascii: ".") {
      let fraction = rest.dropFirst().prefix(while: Self.isDigit)
      guard !fraction.isEmpty else { return nil }
      rest = rest.dropFirst(1 + fraction.count)
      digits.append(contentsOf: fraction)
      exponent = -fraction.count
    }
    if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
      guard let shift = Self.exponent(rest.dropFirst()) else { return nil }
      exponent += shift
    } else if !rest.isEmpty {
      return nil
    }
    digits = Array(digits.drop { $0 == UInt8(ascii: "0") })
  }

  var isZero: Bool { digits.isEmpty }

  /// The number times ten to the power of `scale`, to the nearest integer; nil where it does not fit.
  func rounded(scale: Int) -> Int64? {
    let shift = exponent + scale
    if isZero { return 0 }
    guard digits.count + shift <= 19 else { return nil }
    guard digits.count + shift >= 0 else { return 0 }
    let kept = digits.prefix(digits.count + min(shift, 0))
    var value: UInt64 = 0
    for digit in kept { value = value * 10 + UInt64(digit - UInt8(ascii: "0")) }
    for _ in 0..<max(shift, 0) { value *= 10 }
    if shift < 0, digits[kept.count] >= UInt8(ascii: "5") { value += 1 }
    return Int64(exactly: value)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func exponent(_ text: ArraySlice<UInt8>) -> Int? {
    var text = text
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative || text.first == UInt8(ascii: "+") { text = text.dropFirst() }
    guard !text.isEmpty, text.allSatisfy(isDigit) else { return nil }
    var value = 0
    for digit in text {
      value = min(value * 10 + Int(digit - UInt8(ascii: "0")), maximumExponent)
    }
    return isNegative ? -value : value
  }
}
