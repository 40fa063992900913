extension Moment {
  /// Reads an RFC 3339 date-time such as `2026-11-20T23:00:00.5+02:00`.
  ///
  /// `T` and `Z` may be small letters and a single space may stand for `T`, as the RFC allows. A
  /// fraction may have any length and is rounded down to microseconds. `-00:00` is UTC. A leap
  /// second is accepted only where one can be, at 23:59:60 UTC on the last day of a month, and
  /// becomes the last microsecond before it, so that it stays within its day and month.
  public init(rfc3339 text: String) throws(MomentFormatError) {
    try self.init(rfc3339: text.utf8.span)
  }

  /// Reads an RFC 3339 date-time from ASCII bytes, as ``init(rfc3339:)-(String)`` does.
  public init(rfc3339 text: Span<UInt8>) throws(MomentFormatError) {
    var cursor = CalendarTextCursor()
    let date = try cursor.date(in: text)
    try cursor.skip(.timeSeparator, in: text) { [0x54, 0x74, 0x20].contains($0) }
    let minute = try cursor.minuteOfDay(in: text)
    let second = try cursor.number(.second, in: text, range: 0...60)
    let fraction = try cursor.microseconds(in: text)
    let offset = try cursor.offsetSeconds(in: text)
    try cursor.end(of: text)

    let minuteStart = date.number.midnight + minute * 60 - offset
    if second == 60 {
      self.init(clampingSeconds: try Self.secondAfterLeap(inMinute: minuteStart))
      self = Moment(microseconds: microseconds - 1)
    } else {
      let start = Moment(clampingSeconds: minuteStart + second)
      self.init(microseconds: start.microseconds + fraction)
    }
    guard self >= .earliest, self <= .latest else { throw .unsupportedYear }
  }

  private static func secondAfterLeap(inMinute start: Int64) throws(MomentFormatError) -> Int64 {
    let next = start + 60
    let day = DayNumber(ofLocalSecond: next)
    guard day.midnight == next, day.components.day == 1 else { throw .misplacedLeapSecond }
    return next
  }

  /// The moment in UTC with six fraction digits, such as `2026-11-20T21:00:00.123456Z`.
  public var rfc3339: String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(27)
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends ``rfc3339`` as ASCII bytes: 27 of them for every supported moment.
  public func write(into bytes: inout [UInt8]) {
    bytes.appendLocalTime(ofSecond: seconds)
    bytes.append(UInt8(ascii: "."))
    bytes.appendDigits(
      microseconds.flooringRemainder(by: Self.microsecondsPerSecond), count: 6)
    bytes.append(UInt8(ascii: "Z"))
  }
}

extension [UInt8] {
  /// Appends `YYYY-MM-DDTHH:MM:SS` for a count of local seconds since 1970-01-01T00:00:00.
  mutating func appendLocalTime(ofSecond second: Int64) {
    let day = DayNumber(ofLocalSecond: second)
    let secondOfDay = second - day.midnight
    CalendarDate(day).write(into: &self)
    append(UInt8(ascii: "T"))
    appendDigits(secondOfDay / 3600, count: 2)
    append(UInt8(ascii: ":"))
    appendDigits(secondOfDay / 60 % 60, count: 2)
    append(UInt8(ascii: ":"))
    appendDigits(secondOfDay % 60, count: 2)
  }
}

extension CalendarTextCursor {
  /// `HH:MM:`, the minute since midnight.
  fileprivate mutating func minuteOfDay(in text: Span<UInt8>) throws(MomentFormatError) -> Int64 {
    let hour = try number(.hour, in: text, range: 0...23)
    try skip(.colon, in: text) { $0 == UInt8(ascii: ":") }
    let minute = try number(.minute, in: text, range: 0...59)
    try skip(.colon, in: text) { $0 == UInt8(ascii: ":") }
    return hour * 60 + minute
  }

  /// `.` and one digit or more, or nothing; digits beyond the sixth count as nothing.
  fileprivate mutating func microseconds(in text: Span<UInt8>) throws(MomentFormatError) -> Int64 {
    guard peek(in: text) == UInt8(ascii: ".") else { return 0 }
    skip()
    guard let first = digit(in: text) else { throw .malformed(.fraction, offset: offset) }
    var unit: Int64 = 100_000
    var microseconds = first * unit
    while let digit = digit(in: text) {
      unit /= 10
      microseconds += digit * unit
    }
    return microseconds
  }

  /// `Z` or `+HH:MM` or `-HH:MM`, in seconds east of UTC.
  fileprivate mutating func offsetSeconds(in text: Span<UInt8>) throws(MomentFormatError) -> Int64 {
    let start = offset
    guard let sign = peek(in: text) else { throw .malformed(.offset, offset: start) }
    skip()
    switch sign {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"): return 0
    case UInt8(ascii: "+"): return try offsetMinutes(in: text) * 60
    case UInt8(ascii: "-"): return try offsetMinutes(in: text) * -60
    default: throw .malformed(.offset, offset: start)
    }
  }

  private mutating func offsetMinutes(in text: Span<UInt8>) throws(MomentFormatError) -> Int64 {
    let hour = try number(.offsetHour, in: text, range: 0...23)
    try skip(.colon, in: text) { $0 == UInt8(ascii: ":") }
    return hour * 60 + (try number(.offsetMinute, in: text, range: 0...59))
  }
}
