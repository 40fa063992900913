/// Reads the parts of an RFC 3339 text from left to right.
struct CalendarTextCursor {
  private(set) var offset = 0

  func peek(in text: Span<UInt8>) -> UInt8? {
    offset < text.count ? text[offset] : nil
  }

  mutating func skip() {
    offset += 1
  }

  /// One byte that is `accepted`, or else an error about `part`.
  mutating func skip(
    _ part: MomentFormatError.Part, in text: Span<UInt8>, where accepted: (UInt8) -> Bool
  ) throws(MomentFormatError) {
    guard let byte = peek(in: text), accepted(byte) else {
      throw .malformed(part, offset: offset)
    }
    skip()
  }

  /// The next byte as a decimal digit; anything else is left where it is.
  mutating func digit(in text: Span<UInt8>) -> Int64? {
    guard let byte = peek(in: text), byte >= 0x30, byte <= 0x39 else { return nil }
    skip()
    return Int64(byte - 0x30)
  }

  /// A number of exactly `digits` digits within `range`.
  mutating func number(
    _ part: MomentFormatError.Part, digits: Int = 2, in text: Span<UInt8>,
    range: ClosedRange<Int64>
  ) throws(MomentFormatError) -> Int64 {
    let start = offset
    var number: Int64 = 0
    for _ in 0..<digits {
      guard let digit = digit(in: text) else { throw .malformed(part, offset: start) }
      number = number * 10 + digit
    }
    guard range.contains(number) else { throw .outOfRange(part) }
    return number
  }

  /// The end of the text.
  func end(of text: Span<UInt8>) throws(MomentFormatError) {
    guard offset == text.count else { throw .trailingText(offset: offset) }
  }

  /// `YYYY-MM-DD`, a date that exists.
  mutating func date(in text: Span<UInt8>) throws(MomentFormatError) -> CalendarDate {
    let year = try number(.year, digits: 4, in: text, range: 0...9999)
    try skip(.dateSeparator, in: text) { $0 == UInt8(ascii: "-") }
    let month = try number(.month, in: text, range: 1...12)
    try skip(.dateSeparator, in: text) { $0 == UInt8(ascii: "-") }
    let day = try number(.day, in: text, range: 1...31)
    guard let date = CalendarDate(year: Int(year), month: Int(month), day: Int(day)) else {
      throw .outOfRange(.day)
    }
    return date
  }
}
