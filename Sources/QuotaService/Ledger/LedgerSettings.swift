public import QuotaModel

/// What an operator may set about decisions.
public struct LedgerSettings: Hashable, Sendable {
  /// Shares of a limit whose crossing becomes an event.
  public var thresholds: Thresholds
  /// How late usage may be reported, in seconds; nil: however late.
  public var maximumLatenessSeconds: Int64?
  /// Seconds from one signed checkpoint to the next, while the log grows.
  public var checkpointSeconds: Int64
  /// Whether a session's call that may have been served and told nothing is counted as what was kept
  /// free for it; else that is free again.
  public var chargesLostCalls: Bool
  /// Shared budgets that the sessions of users join by configuration, which lets them in.
  public var budgetsOfUsers: [UserID: BudgetID] = [:]

  public init(
    thresholds: Thresholds = .standard, maximumLatenessSeconds: Int64? = nil,
    checkpointSeconds: Int64 = 60, chargesLostCalls: Bool = true
  ) {
    self.thresholds = thresholds
    self.maximumLatenessSeconds = maximumLatenessSeconds
    self.checkpointSeconds = checkpointSeconds
    self.chargesLostCalls = chargesLostCalls
  }
}
