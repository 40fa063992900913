/// A spend that was not admitted, and everything that decided so.
public struct Refusal: Hashable, Sendable {
  public var user: UserID
  /// What was asked for; nil where only "may anything more be spent?" was asked.
  public var estimate: TokenCount?
  public var violations: [Violation]
  /// The credits that were asked for.
  public var credits: NanoCredits?
  public var session: SessionRef?
  /// Caps of the session and of shared budgets that leave no room.
  public var creditViolations: [CreditViolation]
  /// The last event that changed a limit or a mode: the limits are those of that position.
  public var policy: Position?
  /// How long the hold was to last, and the budgets that it named: what a repetition is compared with;
  /// nil where no hold was asked for.
  public var timeToLiveSeconds: Int64?
  public var budgets: [BudgetID]

  public init(
    user: UserID, estimate: TokenCount?, violations: [Violation], credits: NanoCredits? = nil,
    session: SessionRef? = nil, creditViolations: [CreditViolation] = [],
    policy: Position? = nil, timeToLiveSeconds: Int64? = nil, budgets: [BudgetID] = []
  ) {
    self.user = user
    self.estimate = estimate
    self.violations = violations
    self.credits = credits
    self.session = session
    self.creditViolations = creditViolations
    self.policy = policy
    self.timeToLiveSeconds = timeToLiveSeconds
    self.budgets = budgets
  }
}

/// A limit that does not leave room, with the figures of that moment.
public struct Violation: Hashable, Sendable {
  public var period: Period
  /// The limit in force, with what was allowed on top.
  public var limit: TokenLimit
  public var used: TokenCount
  public var reserved: TokenCount
  public var mode: LimitMode

  public init(
    period: Period, limit: TokenLimit, used: TokenCount, reserved: TokenCount,
    mode: LimitMode = .hard
  ) {
    self.period = period
    self.limit = limit
    self.used = used
    self.reserved = reserved
    self.mode = mode
  }
}

/// A cap in credits that does not leave room, with the figures of that moment.
public struct CreditViolation: Hashable, Sendable {
  /// The shared budget; nil for the session's own cap.
  public var budget: BudgetID?
  public var limit: NanoCredits
  public var used: NanoCredits
  public var reserved: NanoCredits

  public init(budget: BudgetID?, limit: NanoCredits, used: NanoCredits, reserved: NanoCredits) {
    self.budget = budget
    self.limit = limit
    self.used = used
    self.reserved = reserved
  }
}
