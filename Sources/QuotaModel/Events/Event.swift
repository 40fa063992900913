/// One fact with its circumstances; once written it never changes.
public struct Event: Hashable, Sendable {
  public var position: Position
  /// When the log took it; never earlier than the event before.
  public var recordedAt: Moment
  /// What the clock showed when it was decided; nil where that is `recordedAt`. It is earlier where the
  /// clock was behind an event before.
  public var decidedAt: Moment?
  /// When it happened; decides which windows it belongs to.
  public var happenedAt: Moment
  public var actor: Actor
  public var requestID: RequestID?
  public var reason: Reason?
  public var fact: Fact

  public init(
    position: Position, recordedAt: Moment, decidedAt: Moment? = nil, happenedAt: Moment,
    actor: Actor,
    requestID: RequestID? = nil, reason: Reason? = nil, fact: Fact
  ) {
    self.position = position
    self.recordedAt = recordedAt
    self.decidedAt = decidedAt
    self.happenedAt = happenedAt
    self.actor = actor
    self.requestID = requestID
    self.reason = reason
    self.fact = fact
  }
}

/// What can happen.
public enum Fact: Hashable, Sendable {
  case userRegistered(UserID, role: Role)
  case userDeactivated(UserID)
  case userReactivated(UserID)
  case roleChanged(UserID, old: Role, new: Role)
  case tokenIssued(TokenIssue)
  case tokenRevoked(TokenID, user: UserID)
  case defaultsChanged([LimitChange])
  case limitsChanged(UserID, [LimitChange])
  case calendarChanged(CalendarSetting)
  case tokensSpent(Spend)
  case spendHeld(Hold)
  case holdSettled(HoldID, Settlement)
  case holdVoided(HoldID, user: UserID)
  case holdExpired(HoldID, user: UserID)
  case spendRefused(Refusal)
  case sessionStarted(SessionStart)
  // Kept apart, because it is larger than everything else and rarer.
  indirect case session(SessionRef, SessionFact)
  case budgetChanged(BudgetChange)
  /// A spend that a limit in shadow mode would have refused.
  case spendShadowed(Refusal)
  /// A part of a held call; the rest stays held.
  case holdDrawn(HoldID, Settlement)
  case holdExtended(HoldID, user: UserID, expiresAt: Moment)
  case usageCorrected(Correction)
  /// nil: the system's own.
  case modesChanged(UserID?, [ModeChange])
  case allowanceGranted(Allowance)
  case limitsScheduled(ScheduledChange)
  case scheduleEnded(ScheduleID, user: UserID?, wasApplied: Bool)
  case thresholdCrossed(ThresholdCrossing)
  /// Who it was is forgotten; what they used stays.
  case userErased(UserID)
}

extension Fact {
  /// The user whom the fact concerns; nil where it concerns the whole system.
  public var user: UserID? {
    switch self {
    case .userRegistered(let user, _), .userDeactivated(let user), .userReactivated(let user),
      .userErased(let user), .roleChanged(let user, _, _), .tokenRevoked(_, let user),
      .limitsChanged(let user, _),
      .holdVoided(_, let user), .holdExpired(_, let user), .holdExtended(_, let user, _):
      user
    case .tokenIssued(let issue): issue.user
    case .tokensSpent(let spend): spend.user
    case .holdSettled(_, let settlement), .holdDrawn(_, let settlement): settlement.spend.user
    case .spendHeld(let hold): hold.user
    case .spendRefused(let refusal), .spendShadowed(let refusal): refusal.user
    case .usageCorrected(let correction): correction.user
    case .allowanceGranted(let allowance): allowance.user
    case .thresholdCrossed(let crossing): crossing.user
    case .modesChanged(let user, _), .scheduleEnded(_, let user, _): user
    case .limitsScheduled(let change): change.user
    case .sessionStarted(let start): start.user
    case .session(_, .usageRecorded(let usage)): usage.user
    case .defaultsChanged, .calendarChanged, .session, .budgetChanged: nil
    }
  }
}
