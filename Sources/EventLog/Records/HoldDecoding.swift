internal import LMDB
internal import QuotaModel

extension RecordReader {
  @_lifetime(self: copy self)
  mutating func hold() throws(RecordDamage) -> Hold {
    var hold = Hold(user: try user(), tokens: try variable(), expiresAt: try moment())
    if isAtEnd { return hold }
    let parts = HoldParts(rawValue: try byte())
    guard !parts.isEmpty, parts.isSubset(of: .all) else { throw .malformed }
    if parts.contains(.session) { hold.session = SessionRef(Position(try word())) }
    if parts.contains(.credits) { hold.credits = try positiveCredits() }
    if parts.contains(.budgets) { hold.budgets = try budgets() }
    return hold
  }

  @_lifetime(self: copy self)
  private mutating func budgets() throws(RecordDamage) -> [BudgetID] {
    var budgets: [BudgetID] = []
    for _ in 0..<(try positiveByte()) { budgets.append(try bounded(BudgetID.init)) }
    return budgets
  }

  @_lifetime(self: copy self)
  mutating func settled(
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
  mutating func holdVoided() throws(RecordDamage) -> Fact {
    let user = try user()
    return .holdVoided(HoldID(Position(try word())), user: user)
  }

  @_lifetime(self: copy self)
  mutating func holdExpired() throws(RecordDamage) -> Fact {
    let user = try user()
    return .holdExpired(HoldID(Position(try word())), user: user)
  }

  @_lifetime(self: copy self)
  mutating func refusal() throws(RecordDamage) -> Refusal {
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
    if parts.contains(.timeToLive) {
      guard let seconds = Int64(exactly: try word()) else { throw .malformed }
      refusal.timeToLiveSeconds = seconds
    }
    if parts.contains(.budgets) { refusal.budgets = try budgets() }
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
  mutating func creditViolations() throws(RecordDamage) -> [CreditViolation] {
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
  mutating func holdExtended() throws(RecordDamage) -> Fact {
    let user = try user()
    return .holdExtended(HoldID(Position(try word())), user: user, expiresAt: try moment())
  }

  @_lifetime(self: copy self)
  mutating func correction() throws(RecordDamage) -> Correction {
    let user = try user()
    let corrected = Position(try word())
    let old = try variable()
    let parts = try spendParts()
    guard !parts.contains(.model) else { throw .malformed }
    return Correction(user: user, corrected: corrected, old: old, usage: try usage(parts))
  }

  /// A number of things that are only written where there are some.
  @_lifetime(self: copy self)
  mutating func positiveByte() throws(RecordDamage) -> UInt8 {
    let count = try byte()
    guard count > 0 else { throw .malformed }
    return count
  }

  @_lifetime(self: copy self)
  mutating func positiveCredits() throws(RecordDamage) -> NanoCredits {
    let amount = try credits()
    guard amount > .zero else { throw .malformed }
    return amount
  }
}
