/// A date of the Gregorian calendar, without a time or a zone.
public struct CalendarDate: Hashable, Sendable {
  public let year: Int
  public let month: Int
  public let day: Int

  /// The date, or nil if there is none: only the years 0...9999 and their days are dates.
  public init?(year: Int, month: Int, day: Int) {
    guard (0...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else {
      return nil
    }
    self.init(DayNumber(year: Int64(year), month: Int64(month), day: Int64(day)))
    // The 31st of a month of 30 days became the 1st of the next one.
    guard self.day == day else { return nil }
  }

  /// The date written as `YYYY-MM-DD`.
  public init(_ text: String) throws(MomentFormatError) {
    try self.init(text.utf8.span)
  }

  /// The date written as `YYYY-MM-DD` in ASCII bytes.
  public init(_ text: Span<UInt8>) throws(MomentFormatError) {
    var cursor = CalendarTextCursor()
    self = try cursor.date(in: text)
    try cursor.end(of: text)
  }

  init(_ number: DayNumber) {
    let components = number.components
    year = Int(components.year)
    month = Int(components.month)
    day = Int(components.day)
  }

  var number: DayNumber {
    DayNumber(year: Int64(year), month: Int64(month), day: Int64(day))
  }

  /// The date as `YYYY-MM-DD`.
  public var text: String {
    var bytes: [UInt8] = []
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends ``text`` as ASCII bytes.
  public func write(into bytes: inout [UInt8]) {
    bytes.appendYear(Int64(year))
    bytes.append(UInt8(ascii: "-"))
    bytes.appendDigits(Int64(month), count: 2)
    bytes.append(UInt8(ascii: "-"))
    bytes.appendDigits(Int64(day), count: 2)
  }
}

extension CalendarDate: Comparable {
  public static func < (left: CalendarDate, right: CalendarDate) -> Bool {
    (left.year, left.month, left.day) < (right.year, right.month, right.day)
  }
}
