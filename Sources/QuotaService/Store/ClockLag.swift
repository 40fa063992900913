internal import Projections
public import QuotaModel

/// A clock that shows an earlier time than the last event was recorded at: it was ahead then, or is behind
/// now.
public struct ClockLag: Hashable, Sendable {
  /// When the last event was recorded.
  public let recordedAt: Moment
  public let seconds: Int64

  /// nil where the clock is not behind, or by less than a second.
  public init?(after recordedAt: Moment, now: Moment) {
    let (distance, overflow) = recordedAt.microseconds.subtractingReportingOverflow(
      now.microseconds)
    guard !overflow, distance >= 1_000_000 else { return nil }
    self.recordedAt = recordedAt
    seconds = distance / 1_000_000
  }

  private var duration: String {
    let units: [(seconds: Int64, name: String)] = [
      (86_400, "d"), (3600, "h"), (60, "min"), (1, "s"),
    ]
    let unit = units.first { seconds >= 2 * $0.seconds } ?? (1, "s")
    return "\(seconds / unit.seconds) \(unit.name)"
  }
}

extension ClockLag: CustomStringConvertible {
  public var description: String {
    "the clock is \(duration) behind the last event, which was recorded at \(recordedAt.rfc3339): "
      + "decisions follow the clock as it is, and events are recorded at that time until the clock "
      + "has passed it"
  }
}

extension Queries {
  /// How far the clock is behind the last event; nil where it is not.
  public func clockLag(at now: Moment) throws(StoreFailure) -> ClockLag? {
    let recordedAt = try reading { (snapshot) throws(ProjectionFailure) in
      try snapshot.state().recordedAt
    }
    return ClockLag(after: recordedAt, now: now)
  }
}
