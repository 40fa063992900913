internal import LMDB
public import QuotaModel

extension RecordView {
  /// What happened, read from the body.
  public func fact() throws(RecordDamage) -> Fact {
    var body = bodyReader()
    let fact = try body.fact(of: kind)
    guard body.isAtEnd else { throw .malformed }
    return fact
  }

  /// The user whom the fact concerns, without reading the rest.
  public func user() throws(RecordDamage) -> UserID? {
    switch kind {
    case .defaultsChanged, .calendarChanged: return nil
    case .sessionStarted, .sessionUsageRecorded, .modesChanged, .limitsScheduled, .scheduleEnded:
      var body = bodyReader()
      return try body.optionalUser()
    case .sessionResumed, .sessionLimitChanged, .sessionModelChanged, .sessionMessageReceived,
      .sessionCallAdmitted, .sessionCallEnded, .sessionMessageAnswered, .sessionTurnEnded,
      .sessionCheckpointed, .exhaustionRequested, .exhaustionAnswered, .sessionWarned,
      .sessionFailed, .sessionAborted, .sessionWindowStarted, .sessionClosed, .sessionDeleted,
      .budgetChanged:
      return nil
    case .userRegistered, .userDeactivated, .userReactivated, .roleChanged, .tokenIssued,
      .tokenRevoked, .limitsChanged, .tokensSpent, .spendHeld, .holdSettled, .holdVoided,
      .holdExpired, .spendRefused, .spendShadowed, .holdDrawn, .holdExtended, .usageCorrected,
      .allowanceGranted, .thresholdCrossed:
      // Every other body that concerns a user starts with that user.
      var body = bodyReader()
      return try body.user()
    }
  }

  /// User and total of a spend, without the rest; only for `tokensSpent`.
  public func spentTokens() throws(RecordDamage) -> (user: UserID, total: TokenCount) {
    var body = bodyReader()
    let user = try body.user()
    let parts = try body.spendParts()
    guard parts.contains(.input) || parts.contains(.output) else {
      return (user, try body.variable())
    }
    let input = parts.contains(.input) ? try body.variable() : .zero
    let output = parts.contains(.output) ? try body.variable() : .zero
    guard let total = input.adding(output) else { throw .malformed }
    return (user, total)
  }
}

extension RecordReader {
  @_lifetime(self: copy self)
  fileprivate mutating func fact(of kind: EventKind) throws(RecordDamage) -> Fact {
    switch kind {
    case .userRegistered: .userRegistered(try user(), role: try role())
    case .userDeactivated: .userDeactivated(try user())
    case .userReactivated: .userReactivated(try user())
    case .roleChanged: .roleChanged(try user(), old: try role(), new: try role())
    case .tokenIssued: .tokenIssued(try tokenIssue())
    case .tokenRevoked: try tokenRevoked()
    case .defaultsChanged: .defaultsChanged(try changes())
    case .limitsChanged: .limitsChanged(try user(), try changes())
    case .calendarChanged: .calendarChanged(try calendarSetting())
    case .tokensSpent: .tokensSpent(try spend())
    case .spendHeld: .spendHeld(try hold())
    case .holdSettled: try settled { .holdSettled($0, $1) }
    case .holdDrawn: try settled { .holdDrawn($0, $1) }
    case .holdExtended: try holdExtended()
    case .usageCorrected: .usageCorrected(try correction())
    case .modesChanged: .modesChanged(try optionalUser(), try modeChanges())
    case .allowanceGranted: .allowanceGranted(try allowance())
    case .limitsScheduled: .limitsScheduled(try scheduledChange())
    case .scheduleEnded: try scheduleEnded()
    case .thresholdCrossed: .thresholdCrossed(try crossing())
    case .spendShadowed: .spendShadowed(try refusal())
    case .holdVoided: try holdVoided()
    case .holdExpired: try holdExpired()
    case .spendRefused: .spendRefused(try refusal())
    case .sessionStarted: .sessionStarted(try sessionStart())
    case .budgetChanged: .budgetChanged(try budgetChange())
    case .sessionResumed, .sessionLimitChanged, .sessionModelChanged, .sessionMessageReceived,
      .sessionCallAdmitted, .sessionCallEnded, .sessionUsageRecorded, .sessionMessageAnswered,
      .sessionTurnEnded, .sessionCheckpointed, .exhaustionRequested, .exhaustionAnswered,
      .sessionWarned, .sessionFailed, .sessionAborted, .sessionWindowStarted, .sessionClosed,
      .sessionDeleted:
      try sessionEvent(of: kind)
    }
  }

  @_lifetime(self: copy self)
  fileprivate mutating func role() throws(RecordDamage) -> Role {
    guard let role = Role(rawValue: try byte()) else { throw .malformed }
    return role
  }

  @_lifetime(self: copy self)
  mutating func period() throws(RecordDamage) -> Period {
    guard let period = Period(rawValue: try byte()) else { throw .malformed }
    return period
  }

  @_lifetime(self: copy self)
  fileprivate mutating func tokenIssue() throws(RecordDamage) -> TokenIssue {
    let user = try user()
    let token = TokenID(try word())
    let digest = TokenDigest(
      (
        try word().byteSwapped, try word().byteSwapped, try word().byteSwapped,
        try word().byteSwapped
      ))
    let expiresAt = try moment()
    return TokenIssue(
      token: token, user: user, digest: digest,
      expiresAt: expiresAt.microseconds == .max ? nil : expiresAt)
  }

  @_lifetime(self: copy self)
  fileprivate mutating func tokenRevoked() throws(RecordDamage) -> Fact {
    let user = try user()
    return .tokenRevoked(TokenID(try word()), user: user)
  }

  @_lifetime(self: copy self)
  fileprivate mutating func changes() throws(RecordDamage) -> [LimitChange] {
    var changes: [LimitChange] = []
    for _ in 0..<(try byte()) {
      changes.append(
        LimitChange(period: try period(), old: try limit(), new: try limit()))
    }
    return changes
  }

  @_lifetime(self: copy self)
  fileprivate mutating func calendarSetting() throws(RecordDamage) -> CalendarSetting {
    guard let weekStart = Weekday(rawValue: try byte()) else { throw .malformed }
    return CalendarSetting(zone: try text(), weekStart: weekStart)
  }

  @_lifetime(self: copy self)
  mutating func spendParts() throws(RecordDamage) -> SpendParts {
    let parts = SpendParts(rawValue: try byte())
    guard parts.isSubset(of: .all) else { throw .malformed }
    return parts
  }

  @_lifetime(self: copy self)
  fileprivate mutating func spend() throws(RecordDamage) -> Spend {
    let user = try user()
    let parts = try spendParts()
    let usage = try usage(parts)
    return Spend(user: user, usage: usage, model: parts.contains(.model) ? try model() : nil)
  }

  @_lifetime(self: copy self)
  private mutating func model() throws(RecordDamage) -> ModelName {
    try bounded(ModelName.init)
  }

  @_lifetime(self: copy self)
  mutating func usage(_ parts: SpendParts) throws(RecordDamage) -> TokenUsage {
    let hasSum = parts.contains(.input) || parts.contains(.output)
    do {
      return try TokenUsage(
        total: hasSum ? nil : try variable(),
        input: parts.contains(.input) ? try variable() : nil,
        output: parts.contains(.output) ? try variable() : nil,
        cacheRead: parts.contains(.cacheRead) ? try variable() : nil,
        cacheWrite: parts.contains(.cacheWrite) ? try variable() : nil,
        reasoning: parts.contains(.reasoning) ? try variable() : nil)
    } catch {
      throw .malformed
    }
  }

  @_lifetime(self: copy self)
  fileprivate mutating func hold() throws(RecordDamage) -> Hold {
    var hold = Hold(user: try user(), tokens: try variable(), expiresAt: try moment())
    if isAtEnd { return hold }
    let parts = HoldParts(rawValue: try byte())
    guard !parts.isEmpty, parts.isSubset(of: .all) else { throw .malformed }
    if parts.contains(.session) { hold.session = SessionRef(Position(try word())) }
    if parts.contains(.credits) { hold.credits = try positiveCredits() }
    guard parts.contains(.budgets) else { return hold }
    for _ in 0..<(try positiveByte()) { hold.budgets.append(try bounded(BudgetID.init)) }
    return hold
  }

  @_lifetime(self: copy self)
  private mutating func settled(
    _ make: (HoldID, Settlement) -> Fact
  ) throws(RecordDamage) -> Fact {
    var settlement = Settlement(spend: try spend())
    let hold = HoldID(Position(try word()))
    if isAtEnd { return make(hold, settlement) }
    let parts = SettlementParts(rawValue: try byte())
    guard !parts.isEmpty, parts.isSubset(of: .all) else { throw .malformed }
    if parts.contains(.credits) { settlement.credits = try positiveCredits() }
    if parts.contains(.overage) {
      settlement.overage = try variable()
      guard settlement.overage > .zero else { throw .malformed }
    }
    settlement.isLate = parts.contains(.late)
    settlement.isCountedInSession = parts.contains(.countedInSession)
    return make(hold, settlement)
  }

  @_lifetime(self: copy self)
  fileprivate mutating func holdVoided() throws(RecordDamage) -> Fact {
    let user = try user()
    return .holdVoided(HoldID(Position(try word())), user: user)
  }

  @_lifetime(self: copy self)
  fileprivate mutating func holdExpired() throws(RecordDamage) -> Fact {
    let user = try user()
    return .holdExpired(HoldID(Position(try word())), user: user)
  }

  @_lifetime(self: copy self)
  fileprivate mutating func refusal() throws(RecordDamage) -> Refusal {
    let user = try user()
    let estimate = try flag() ? try variable() : nil
    var refusal = Refusal(user: user, estimate: estimate, violations: try violations())
    if isAtEnd { return refusal }
    let parts = RefusalParts(rawValue: try byte())
    guard !parts.isEmpty, parts.isSubset(of: .all) else { throw .malformed }
    if parts.contains(.credits) { refusal.credits = try credits() }
    if parts.contains(.session) { refusal.session = SessionRef(Position(try word())) }
    if parts.contains(.creditViolations) { refusal.creditViolations = try creditViolations() }
    if parts.contains(.policy) { refusal.policy = Position(try word()) }
    return refusal
  }

  @_lifetime(self: copy self)
  mutating func violations() throws(RecordDamage) -> [Violation] {
    var violations: [Violation] = []
    for _ in 0..<(try byte()) {
      let tag = try byte()
      guard let period = Period(rawValue: tag & 0xF), let mode = LimitMode(rawValue: tag >> 4),
        let limit = try limit()
      else { throw .malformed }
      violations.append(
        Violation(
          period: period, limit: limit, used: try variable(), reserved: try variable(),
          mode: mode))
    }
    return violations
  }

  @_lifetime(self: copy self)
  private mutating func creditViolations() throws(RecordDamage) -> [CreditViolation] {
    var violations: [CreditViolation] = []
    for _ in 0..<(try positiveByte()) {
      violations.append(
        CreditViolation(
          budget: try optional(BudgetID.init), limit: try credits(), used: try credits(),
          reserved: try credits()))
    }
    return violations
  }

  @_lifetime(self: copy self)
  fileprivate mutating func holdExtended() throws(RecordDamage) -> Fact {
    let user = try user()
    return .holdExtended(HoldID(Position(try word())), user: user, expiresAt: try moment())
  }

  @_lifetime(self: copy self)
  fileprivate mutating func correction() throws(RecordDamage) -> Correction {
    let user = try user()
    let corrected = Position(try word())
    let old = try variable()
    let parts = try spendParts()
    guard !parts.contains(.model) else { throw .malformed }
    return Correction(user: user, corrected: corrected, old: old, usage: try usage(parts))
  }

  @_lifetime(self: copy self)
  fileprivate mutating func modeChanges() throws(RecordDamage) -> [ModeChange] {
    var changes: [ModeChange] = []
    for _ in 0..<(try byte()) {
      changes.append(ModeChange(period: try period(), old: try mode(), new: try mode()))
    }
    return changes
  }

  @_lifetime(self: copy self)
  private mutating func mode() throws(RecordDamage) -> LimitMode? {
    let tag = try byte()
    if tag == RecordFormat.noMode { return nil }
    guard let mode = LimitMode(rawValue: tag) else { throw .malformed }
    return mode
  }

  @_lifetime(self: copy self)
  fileprivate mutating func allowance() throws(RecordDamage) -> Allowance {
    Allowance(
      user: try user(), period: try period(), windowStart: try moment(), tokens: try variable())
  }

  @_lifetime(self: copy self)
  fileprivate mutating func scheduledChange() throws(RecordDamage) -> ScheduledChange {
    let user = try optionalUser()
    let updates = LimitUpdates(
      daily: try limitUpdate(), weekly: try limitUpdate(), monthly: try limitUpdate())
    return ScheduledChange(user: user, updates: updates, effectiveAt: try moment())
  }

  @_lifetime(self: copy self)
  private mutating func limitUpdate() throws(RecordDamage) -> LimitUpdate {
    switch try byte() {
    case 0: return .keep
    case 1: return .unset
    case 2:
      guard let limit = try limit() else { throw .malformed }
      return .set(limit)
    default: throw .malformed
    }
  }

  @_lifetime(self: copy self)
  fileprivate mutating func scheduleEnded() throws(RecordDamage) -> Fact {
    let user = try optionalUser()
    return .scheduleEnded(
      ScheduleID(Position(try word())), user: user, wasApplied: try flag())
  }

  @_lifetime(self: copy self)
  fileprivate mutating func crossing() throws(RecordDamage) -> ThresholdCrossing {
    let user = try user()
    let period = try period()
    let start = try moment()
    let percent = try byte()
    guard let limit = try limit() else { throw .malformed }
    return ThresholdCrossing(
      user: user, period: period, windowStart: start, percent: percent, limit: limit,
      used: try variable())
  }

  /// A number of things that are only written where there are some.
  @_lifetime(self: copy self)
  private mutating func positiveByte() throws(RecordDamage) -> UInt8 {
    let count = try byte()
    guard count > 0 else { throw .malformed }
    return count
  }

  @_lifetime(self: copy self)
  private mutating func positiveCredits() throws(RecordDamage) -> NanoCredits {
    let amount = try credits()
    guard amount > .zero else { throw .malformed }
    return amount
  }
}
