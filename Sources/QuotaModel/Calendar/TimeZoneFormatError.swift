/// Why bytes are not a TZif file that can be used.
public enum TimeZoneFormatError: Error, Hashable, Sendable {
  /// The bytes do not start with `TZif`, or the second header does not.
  case notTimeZoneFile
  /// A version other than 1 to 4, as the byte that stands in the header.
  case unsupportedVersion(UInt8)
  /// The file ends before everything that its headers announce.
  case truncated
  /// The file goes on after its end.
  case trailingBytes
  /// The counts in a header contradict one another.
  case inconsistentCounts
  /// The file counts leap seconds (a `right/` zone), but moments do not.
  case leapSeconds
  /// The transitions are not in ascending order.
  case unorderedTransitions
  /// A transition before the year -18 billion or after the year 9999.
  case transitionOutOfRange(Int64)
  /// A transition or a local time type refers to something that the file does not hold.
  case danglingIndex
  /// A local time type that is neither standard nor daylight saving time.
  case invalidLocalTimeType
  /// An offset from UTC beyond the bounds of RFC 9636, -24:59:59 to 25:59:59, in seconds.
  case offsetOutOfRange(Int64)
  /// The footer is no POSIX TZ string; it cannot be read from this byte of it on.
  case invalidFooter(offset: Int)
  /// The last transition leads to an offset that the footer does not know.
  case contradictingFooter
}

extension TimeZoneFormatError: CustomStringConvertible {
  /// One sentence without a full stop, for an error message.
  public var description: String {
    switch self {
    case .notTimeZoneFile: "this is not a TZif file"
    case .unsupportedVersion(let version): "TZif version byte \(version) is not supported"
    case .truncated: "the TZif file is truncated"
    case .trailingBytes: "the TZif file goes on after its end"
    case .inconsistentCounts: "the counts in the TZif header contradict one another"
    case .leapSeconds: "zones that count leap seconds are not supported"
    case .unorderedTransitions: "the transitions of the TZif file are not in ascending order"
    case .transitionOutOfRange(let second): "the transition at second \(second) is out of range"
    case .danglingIndex: "the TZif file refers to an entry that it does not hold"
    case .invalidLocalTimeType: "the TZif file holds an invalid local time type"
    case .offsetOutOfRange(let seconds): "the offset of \(seconds) seconds is out of range"
    case .invalidFooter(let offset): "the TZif footer is invalid from its byte \(offset) on"
    case .contradictingFooter: "the TZif footer contradicts the last transition"
    }
  }
}
