/// What a fact changes besides the account of its user.
///
/// `Account.apply` says what becomes of the account, `Fact.usageChange` what counts in its windows, and this
/// everything else. Whoever folds asks only what a thing that it keeps is called here, so that a new kind of
/// fact that touches nothing new is told to nobody.
public enum Effect: Sendable {
  case nothing
  case registration(UserID, Role)
  case token(TokenIssue)
  case tokenEnd(TokenID)
  case system(SystemChange)
  /// Limits or modes that the account has of its own.
  case ownPolicy
  case allowance(Allowance)
  case schedule(ScheduledChange)
  case scheduleEnd(ScheduleID)
  case crossing(ThresholdCrossing)
  case correction(Correction)
  case hold(HoldID, HoldChange)
  case sessionStart(SessionStart)
  // Kept apart for the same reason as in the fact.
  indirect case session(SessionRef, SessionFact)
  case budget(BudgetChange)
}

extension Fact {
  /// What the fact of the event at `position` changes besides the account of its user.
  public func effect(at position: Position) -> Effect {
    switch self {
    case .userRegistered(let user, let role): .registration(user, role)
    case .tokenIssued(let issue): .token(issue)
    case .tokenRevoked(let token, user: _): .tokenEnd(token)
    case .defaultsChanged(let changes): .system(.limits(changes))
    case .modesChanged(nil, let changes): .system(.modes(changes))
    case .calendarChanged(let setting): .system(.calendar(setting))
    case .limitsChanged, .modesChanged(_?, _): .ownPolicy
    case .allowanceGranted(let allowance): .allowance(allowance)
    case .limitsScheduled(let change): .schedule(change)
    case .scheduleEnded(let schedule, user: _, wasApplied: _): .scheduleEnd(schedule)
    case .thresholdCrossed(let crossing): .crossing(crossing)
    case .usageCorrected(let correction): .correction(correction)
    case .spendHeld(let hold): .hold(HoldID(position), .made(hold))
    case .holdDrawn(let hold, let settlement): .hold(hold, .drawn(settlement))
    case .holdExtended(let hold, user: _, let expiresAt): .hold(hold, .extended(expiresAt))
    case .holdSettled(let hold, let settlement): .hold(hold, .settled(settlement))
    case .holdVoided(let hold, user: _): .hold(hold, .voided)
    case .holdExpired(let hold, user: _): .hold(hold, .expired)
    case .sessionStarted(let start): .sessionStart(start)
    case .session(let session, let fact): .session(session, fact)
    case .budgetChanged(let change): .budget(change)
    case .userDeactivated, .userReactivated, .userErased, .roleChanged, .tokensSpent,
      .spendRefused, .spendShadowed:
      .nothing
    }
  }
}
