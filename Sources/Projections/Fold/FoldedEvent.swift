public import QuotaModel

/// An event as the fold takes it: no text is decoded where none is needed.
public struct FoldedEvent: ~Escapable {
  public let position: Position
  public let recordedAt: Moment
  public let happenedAt: Moment
  public let actor: Actor
  public let requestID: RawSpan?
  public let change: Change

  /// What happened, shortened for the frequent kind.
  public enum Change: Sendable {
    case spent(UserID, TokenCount)
    case other(Fact)
  }

  @_lifetime(copy requestID)
  public init(
    position: Position, recordedAt: Moment, happenedAt: Moment, actor: Actor,
    requestID: RawSpan?, change: Change
  ) {
    self.position = position
    self.recordedAt = recordedAt
    self.happenedAt = happenedAt
    self.actor = actor
    self.requestID = requestID
    self.change = change
  }
}

/// Gives the rules of a calendar by its name; the tz database is outside of the fold.
public typealias CalendarSource =
  @Sendable (CalendarSetting) throws(ProjectionFailure) -> QuotaCalendar
