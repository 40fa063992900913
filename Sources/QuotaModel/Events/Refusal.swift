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

extension Refusal: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ refusal: Refusal?, to coder: inout Coder
  ) throws(Coder.Failure) -> Refusal {
    Refusal(
      user: try coder.member("user", refusal?.user),
      estimate: try coder.optional("estimate", refusal.map(\.estimate)),
      violations: try coder.objects(
        "violations", refusal?.violations, atMost: Period.allCases.count),
      credits: try coder.optional("nano_aiu", refusal.map(\.credits)),
      session: try coder.optional("session", refusal.map(\.session)),
      creditViolations: try coder.objectsUnlessEmpty(
        "credit_violations", refusal?.creditViolations, atMost: Hold.maximumBudgetCount + 2),
      policy: try coder.optional("policy", refusal.map(\.policy)),
      timeToLiveSeconds: try coder.optional(
        "ttl_seconds", refusal.map(\.timeToLiveSeconds), in: 0...Int64.max),
      budgets: try Hold.describe(budgets: refusal?.budgets, to: &coder))
  }
}

extension Violation: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ violation: Violation?, to coder: inout Coder
  ) throws(Coder.Failure) -> Violation {
    Violation(
      period: try coder.member("period", violation?.period),
      limit: try coder.member("limit", violation?.limit),
      used: try coder.member("used", violation?.used),
      reserved: try coder.member("reserved", violation?.reserved),
      mode: try coder.member("mode", violation?.mode, unless: .hard))
  }
}

extension CreditViolation: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ violation: CreditViolation?, to coder: inout Coder
  ) throws(Coder.Failure) -> CreditViolation {
    CreditViolation(
      budget: try coder.optional("budget_id", violation.map(\.budget)),
      limit: try coder.member("limit_nano_aiu", violation?.limit),
      used: try coder.member("used_nano_aiu", violation?.used),
      reserved: try coder.member("reserved_nano_aiu", violation?.reserved))
  }
}
