/// A point in time, in microseconds since 1970-01-01T00:00:00Z.
///
/// It counts as POSIX does: every day has 86,400 seconds, leap seconds have no moment of their own.
/// Every value can be used with every function of the calendar, but only the moments between
/// ``earliest`` and ``latest`` are supported: texts outside are refused, and beyond them the
/// windows follow the rules as far as 64 bits reach.
public struct Moment: Hashable, Sendable {
  public let microseconds: Int64

  public init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  /// 1970-01-01T00:00:00Z, the first moment that is supported.
  public static let earliest = Moment(microseconds: 0)

  /// 9999-12-31T23:59:59.999999Z, the last moment that is supported.
  public static let latest = Moment(microseconds: 253_402_300_799_999_999)
}

extension Moment: Comparable {
  public static func < (left: Moment, right: Moment) -> Bool {
    left.microseconds < right.microseconds
  }
}

extension Moment {
  static let microsecondsPerSecond: Int64 = 1_000_000

  /// The start of a second; one that 64 bits of microseconds cannot hold becomes the nearest
  /// moment.
  init(clampingSeconds seconds: Int64) {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: Self.microsecondsPerSecond)
    self.init(microseconds: overflow ? (seconds < 0 ? .min : .max) : product)
  }

  /// The whole seconds since 1970, rounded down.
  var seconds: Int64 {
    microseconds.flooringQuotient(by: Self.microsecondsPerSecond)
  }
}
