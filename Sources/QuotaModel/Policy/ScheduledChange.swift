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
