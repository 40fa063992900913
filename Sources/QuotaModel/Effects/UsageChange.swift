/// What counts in the windows of a user because of an event, and what does not count any more.
public struct UsageChange: Hashable, Sendable {
  public let user: UserID
  /// What counts from now on; nil where nobody knows, which counts as nothing.
  public let tokens: TokenCount?
  /// What counted until now; zero, but for a correction.
  public let old: TokenCount
  /// The earlier event that is corrected; nil for new usage.
  public let corrected: Position?

  public init(
    user: UserID, tokens: TokenCount?, old: TokenCount = .zero, corrected: Position? = nil
  ) {
    self.user = user
    self.tokens = tokens
    self.old = old
    self.corrected = corrected
  }

  /// A sum that what counted is part of, after the change.
  public func applied(to sum: TokenCount) -> TokenCount {
    sum.subtractingClamped(old).addingClamped(tokens ?? .zero)
  }

  /// What a window holds more; negative for a correction downwards, nil where nobody knows.
  public var difference: Int64? { tokens.map { $0.rawValue - old.rawValue } }
}

extension Fact {
  /// What the fact counts in the windows of its moment; nil where it counts nothing.
  public var usageChange: UsageChange? {
    switch self {
    case .tokensSpent(let spend): UsageChange(user: spend.user, tokens: spend.usage.total)
    case .holdDrawn(_, let settlement), .holdSettled(_, let settlement):
      settlement.isCountedInSession
        ? nil : UsageChange(user: settlement.spend.user, tokens: settlement.spend.usage.total)
    case .session(_, .usageRecorded(let usage)):
      usage.user.map { UsageChange(user: $0, tokens: usage.tokens?.total) }
    case .usageCorrected(let correction):
      UsageChange(
        user: correction.user, tokens: correction.usage.total, old: correction.old,
        corrected: correction.corrected)
    case .userRegistered, .userDeactivated, .userReactivated, .userErased, .roleChanged,
      .tokenIssued, .tokenRevoked, .defaultsChanged, .limitsChanged, .modesChanged,
      .calendarChanged, .spendHeld, .holdExtended, .holdVoided, .holdExpired, .spendRefused,
      .spendShadowed, .sessionStarted, .session, .budgetChanged, .allowanceGranted,
      .limitsScheduled, .scheduleEnded, .thresholdCrossed:
      nil
    }
  }
}
