/// One calendar day, week, month or year as an interval of moments.
///
/// It is half-open: `start` belongs to it, `end` is the start of the next one. Both lie on whole
/// seconds.
public struct Window: Hashable, Sendable {
  public let period: Period
  public let start: Moment
  public let end: Moment

  public func contains(_ moment: Moment) -> Bool {
    start <= moment && moment < end
  }
}

/// A window whose usage is counted as it comes.
public struct CountedWindow: Hashable, Sendable {
  public let period: CountedPeriod
  public let start: Moment

  public init(period: CountedPeriod, start: Moment) {
    self.period = period
    self.start = start
  }
}
