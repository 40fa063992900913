/// Numbers in ASCII digits.
enum Decimal {
  static func isDigit(_ letter: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(letter)
  }

  /// nil for a sign, a leading zero, anything but digits, or more than 64 bits hold.
  static func canonical(_ text: some Collection<UInt8>) -> UInt64? {
    guard let first = text.first, text.allSatisfy(isDigit) else { return nil }
    guard first != UInt8(ascii: "0") || text.count == 1 else { return nil }
    return appending(text, to: 0)
  }

  static func appending(_ digits: some Collection<UInt8>, to number: UInt64) -> UInt64? {
    var number = number
    for digit in digits {
      let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
      let (sum, hasCarry) = tens.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
      guard !isTooLarge, !hasCarry else { return nil }
      number = sum
    }
    return number
  }
}
