/// Names a scheduled change: the position of the event that made it.
public struct ScheduleID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let position: Position

  public init(_ position: Position) { self.position = position }

  /// Reads a decimal position, or answers nil.
  public init?(text: String) {
    guard let hold = HoldID(text: text) else { return nil }
    position = hold.position
  }

  public var description: String { position.description }
  public static func < (left: ScheduleID, right: ScheduleID) -> Bool {
    left.position < right.position
  }
}

/// Limits that are to change later.
public struct ScheduledChange: Hashable, Sendable {
  /// Whose limits; nil for the system's defaults.
  public var user: UserID?
  public var updates: LimitUpdates
  /// The first moment at which the new limits decide.
  public var effectiveAt: Moment

  public init(user: UserID?, updates: LimitUpdates, effectiveAt: Moment) {
    self.user = user
    self.updates = updates
    self.effectiveAt = effectiveAt
  }
}

extension ScheduledChange: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ change: ScheduledChange?, to coder: inout Coder
  ) throws(Coder.Failure) -> ScheduledChange {
    ScheduledChange(
      user: try coder.optional("user", change.map(\.user)),
      updates: try .describe(change?.updates, to: &coder),
      effectiveAt: try coder.member("effective_at", change?.effectiveAt))
  }
}

/// Limits that are given; one that says "nothing" goes back to the default, a missing one stays.
extension PerPeriod: Described where Value == LimitUpdate {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ updates: LimitUpdates?, to coder: inout Coder
  ) throws(Coder.Failure) -> LimitUpdates {
    try LimitUpdates { (period) throws(Coder.Failure) in
      try coder.update(period.limitName, updates?[period])
    }
  }
}
