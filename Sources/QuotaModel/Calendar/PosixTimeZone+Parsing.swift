extension PosixTimeZone {
  /// Reads a POSIX TZ string with the extension of RFC 9636: times from -167 to 167 hours.
  init(_ text: [UInt8]) throws(TimeZoneFormatError) {
    var cursor = PosixTimeZoneCursor(text)
    try cursor.skipDesignation()
    standardOffset = try cursor.offsetEastOfUTC()
    daylight = cursor.isAtEnd ? nil : try cursor.daylightSaving(standardOffset: standardOffset)
    guard cursor.isAtEnd else { throw cursor.error }
  }
}

/// Reads the parts of a POSIX TZ string from left to right.
private struct PosixTimeZoneCursor {
  private let text: [UInt8]
  private var offset = 0

  init(_ text: [UInt8]) {
    self.text = text
  }

  var isAtEnd: Bool { offset == text.count }

  var error: TimeZoneFormatError { .invalidFooter(offset: offset) }

  private var next: UInt8? { isAtEnd ? nil : text[offset] }

  /// Steps over a byte if it comes next.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(TimeZoneFormatError) {
    guard take(character) else { throw error }
  }

  /// `EET` or, in angle brackets, also `<+03>`: three characters or more.
  mutating func skipDesignation() throws(TimeZoneFormatError) {
    let isQuoted = take("<")
    let start = offset
    while let byte = next, byte.isLetter || isQuoted && byte.isDigitOrSign { offset += 1 }
    guard offset - start >= 3 else { throw error }
    if isQuoted { try expect(">") }
  }

  /// POSIX counts hours west of UTC.
  mutating func offsetEastOfUTC() throws(TimeZoneFormatError) -> Int64 {
    -(try signedTime(maximumHours: 24))
  }

  mutating func daylightSaving(
    standardOffset: Int64
  ) throws(TimeZoneFormatError) -> PosixTimeZone.DaylightSaving {
    try skipDesignation()
    let offset =
      next == UInt8(ascii: ",") ? standardOffset + Self.hour : try offsetEastOfUTC()
    try expect(",")
    let start = try yearlyTime()
    try expect(",")
    return PosixTimeZone.DaylightSaving(offset: offset, start: start, end: try yearlyTime())
  }

  private mutating func yearlyTime() throws(TimeZoneFormatError) -> PosixTimeZone.YearlyTime {
    let day = try yearlyDay()
    let seconds = take("/") ? try signedTime(maximumHours: 167) : 2 * Self.hour
    return PosixTimeZone.YearlyTime(day: day, seconds: seconds)
  }

  private mutating func yearlyDay() throws(TimeZoneFormatError) -> PosixTimeZone.YearlyDay {
    if take("J") { return .withoutLeapDay(try number(in: 1...365)) }
    guard take("M") else { return .withLeapDay(try number(in: 0...365)) }
    let month = try number(in: 1...12)
    try expect(".")
    let week = try number(in: 1...5)
    try expect(".")
    let sundayBased = try number(in: 0...6)
    let weekday = Weekday.allCases[Int((sundayBased + 6) % 7)]
    return .weekday(weekday, week: week, month: month)
  }

  /// `[+-]hh[:mm[:ss]]` in seconds.
  private mutating func signedTime(maximumHours: Int64) throws(TimeZoneFormatError) -> Int64 {
    let isNegative = take("-")
    if !isNegative { _ = take("+") }
    var seconds = try number(in: 0...maximumHours) * Self.hour
    if take(":") {
      seconds += try number(in: 0...59) * 60
      if take(":") { seconds += try number(in: 0...59) }
    }
    return isNegative ? -seconds : seconds
  }

  /// One to three decimal digits.
  private mutating func number(in range: ClosedRange<Int64>) throws(TimeZoneFormatError) -> Int64 {
    let start = offset
    var number: Int64 = 0
    while let byte = next, byte.isDigit, offset - start < 3 {
      number = number * 10 + Int64(byte - UInt8(ascii: "0"))
      offset += 1
    }
    guard offset > start, range.contains(number) else { throw .invalidFooter(offset: start) }
    return number
  }

  private static let hour: Int64 = 3600
}

extension UInt8 {
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  fileprivate var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }

  fileprivate var isDigitOrSign: Bool {
    isDigit || self == UInt8(ascii: "+") || self == UInt8(ascii: "-")
  }
}
