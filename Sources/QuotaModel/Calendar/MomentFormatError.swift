/// Why a text is not an RFC 3339 moment or date.
public enum MomentFormatError: Error, Hashable, Sendable {
  /// The text does not have this part at this byte offset.
  case malformed(Part, offset: Int)
  /// The part is written correctly but no calendar or clock has such a value.
  case outOfRange(Part)
  /// Second 60 anywhere else than at 23:59:60 UTC on the last day of a month.
  case misplacedLeapSecond
  /// The text goes on after its end, from this byte offset.
  case trailingText(offset: Int)
  /// A correct moment before ``Moment/earliest`` or after ``Moment/latest``.
  case unsupportedYear

  /// The parts of a text, in their order.
  public enum Part: String, Sendable {
    case year, month, day, hour, minute, second, fraction
    case dateSeparator = "date separator"
    case timeSeparator = "time separator"
    case colon
    case offset
    case offsetHour = "offset hour"
    case offsetMinute = "offset minute"
  }
}

extension MomentFormatError: CustomStringConvertible {
  /// One sentence without a full stop, for an error message.
  public var description: String {
    switch self {
    case .malformed(let part, let offset): "expected \(part.phrase) at byte \(offset)"
    case .outOfRange(let part): "the \(part.rawValue) is out of range"
    case .misplacedLeapSecond: "second 60 exists only at 23:59:60 UTC on the last day of a month"
    case .trailingText(let offset): "unexpected text from byte \(offset) on"
    case .unsupportedYear: "only the years 1970 to 9999 are supported"
    }
  }
}

extension MomentFormatError.Part {
  fileprivate var phrase: String {
    switch self {
    case .year: "a year of four digits"
    case .month, .day, .hour, .minute, .second, .offsetHour, .offsetMinute:
      "the \(rawValue) as two digits"
    case .fraction: "a digit after the decimal point"
    case .dateSeparator: "a hyphen"
    case .timeSeparator: "T between date and time"
    case .colon: "a colon"
    case .offset: "Z or an offset such as +02:00"
    }
  }
}
