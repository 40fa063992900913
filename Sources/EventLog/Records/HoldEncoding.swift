internal import LMDB
internal import QuotaModel

extension [UInt8] {
  mutating func append(_ refusal: Refusal) {
    appendUser(refusal.user)
    append(refusal.estimate == nil ? 0 : 1)
    if let estimate = refusal.estimate { appendVariable(estimate) }
    append(refusal.violations)
    let parts = RefusalParts(of: refusal)
    guard !parts.isEmpty else { return }
    append(parts.rawValue)
    if let credits = refusal.credits { appendCredits(credits) }
    if let session = refusal.session { appendInteger(session.position.rawValue) }
    if parts.contains(.creditViolations) { append(refusal.creditViolations) }
    if let policy = refusal.policy { appendInteger(policy.rawValue) }
    if let seconds = refusal.timeToLiveSeconds { appendInteger(seconds) }
    if parts.contains(.budgets) { append(refusal.budgets) }
  }

  mutating func append(_ violations: [Violation]) {
    append(UInt8(violations.count))
    for violation in violations {
      append(violation.period.rawValue | violation.mode.rawValue << 4)
      appendLimit(violation.limit)
      appendVariable(violation.used)
      appendVariable(violation.reserved)
    }
  }

  mutating func append(_ violations: [CreditViolation]) {
    append(UInt8(violations.count))
    for violation in violations {
      appendText(violation.budget?.description ?? "")
      appendCredits(violation.limit)
      appendCredits(violation.used)
      appendCredits(violation.reserved)
    }
  }

  mutating func append(_ hold: Hold) {
    appendUser(hold.user)
    appendVariable(hold.tokens)
    appendInteger(hold.expiresAt.microseconds)
    let parts = HoldParts(of: hold)
    guard !parts.isEmpty else { return }
    append(parts.rawValue)
    if let session = hold.session { appendInteger(session.position.rawValue) }
    if parts.contains(.credits) { appendCredits(hold.credits) }
    if parts.contains(.budgets) { append(hold.budgets) }
  }

  private mutating func append(_ budgets: [BudgetID]) {
    append(UInt8(budgets.count))
    for budget in budgets { appendText(budget.description) }
  }

  mutating func append(_ settlement: Settlement, of hold: HoldID) {
    append(settlement.spend)
    appendInteger(hold.position.rawValue)
    let parts = SettlementParts(of: settlement)
    guard !parts.isEmpty else { return }
    append(parts.rawValue)
    if parts.contains(.credits) { appendCredits(settlement.credits) }
    if parts.contains(.overage) { appendVariable(settlement.overage) }
  }

  mutating func append(_ correction: Correction) {
    appendUser(correction.user)
    appendInteger(correction.corrected.rawValue)
    appendVariable(correction.old)
    append(SpendParts(of: correction.usage).rawValue)
    append(correction.usage)
  }

  mutating func append(_ changes: [ModeChange]) {
    append(UInt8(changes.count))
    for change in changes {
      append(change.period.rawValue)
      append(change.old?.rawValue ?? RecordFormat.noMode)
      append(change.new?.rawValue ?? RecordFormat.noMode)
    }
  }

  mutating func append(_ update: LimitUpdate) {
    switch update {
    case .keep: append(0)
    case .unset: append(1)
    case .set(let limit):
      append(2)
      appendLimit(limit)
    }
  }

  mutating func append(_ crossing: ThresholdCrossing) {
    appendUser(crossing.user)
    append(crossing.period.rawValue)
    appendInteger(crossing.windowStart.microseconds)
    append(crossing.percent)
    appendLimit(crossing.limit)
    appendVariable(crossing.used)
  }
}
