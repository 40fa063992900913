package import JSON
package import QuotaModel

/// Holds, refusals, and changes of limits; `PolicyEventReading` reads them.
extension JSONWriter {
  package mutating func hold(_ hold: Hold) {
    member("tokens", hold.tokens.rawValue)
    member("expires_at", hold.expiresAt)
    if let session = hold.session { member("session", session.description) }
    if hold.credits > .zero { member("nano_aiu", hold.credits.rawValue) }
    if !hold.budgets.isEmpty { budgets(hold.budgets) }
  }

  package mutating func budgets(_ budgets: [BudgetID]) {
    name("budget_ids")
    beginArray()
    for budget in budgets { string(budget.description) }
    endArray()
  }

  package mutating func settlement(_ settlement: Settlement) {
    if settlement.credits > .zero { member("nano_aiu", settlement.credits.rawValue) }
    if settlement.overage > .zero { member("overage", settlement.overage.rawValue) }
    if settlement.isLate { member("late", true) }
    if settlement.isCountedInSession { member("counted_in_session", true) }
  }

  package mutating func refusal(_ refusal: Refusal) {
    if let estimate = refusal.estimate { member("estimate", estimate.rawValue) }
    violations(refusal.violations)
    if let credits = refusal.credits { member("nano_aiu", credits.rawValue) }
    if let session = refusal.session { member("session", session.description) }
    if !refusal.creditViolations.isEmpty { violations(refusal.creditViolations) }
    if let policy = refusal.policy { member("policy", policy) }
    if let seconds = refusal.timeToLiveSeconds { member("ttl_seconds", seconds) }
    if !refusal.budgets.isEmpty { budgets(refusal.budgets) }
  }

  package mutating func violations(_ violations: [Violation]) {
    name("violations")
    beginArray()
    for violation in violations {
      beginObject()
      member("period", violation.period.name.description)
      member("limit", violation.limit.rawValue)
      member("used", violation.used.rawValue)
      member("reserved", violation.reserved.rawValue)
      if violation.mode != .hard { member("mode", violation.mode.name) }
      endObject()
    }
    endArray()
  }

  package mutating func violations(_ violations: [CreditViolation]) {
    name("credit_violations")
    beginArray()
    for violation in violations {
      beginObject()
      if let budget = violation.budget { member("budget_id", budget.description) }
      member("limit_nano_aiu", violation.limit.rawValue)
      member("used_nano_aiu", violation.used.rawValue)
      member("reserved_nano_aiu", violation.reserved.rawValue)
      endObject()
    }
    endArray()
  }

  package mutating func correction(_ correction: Correction) {
    member("corrected", correction.corrected)
    member("old_tokens", correction.old.rawValue)
    tokenUsage(correction.usage)
  }

  package mutating func modeChanges(_ changes: [ModeChange]) {
    name("changes")
    beginArray()
    for change in changes {
      beginObject()
      member("period", change.period.name.description)
      member("old", optional: change.old?.name)
      member("new", optional: change.new?.name)
      endObject()
    }
    endArray()
  }

  package mutating func allowance(_ allowance: Allowance) {
    member("period", allowance.period.name.description)
    member("window_start", allowance.windowStart)
    member("tokens", allowance.tokens.rawValue)
  }

  /// The limits that are to change; null goes back to the default.
  package mutating func scheduledChange(_ change: ScheduledChange) {
    for period in Period.allCases {
      switch change.updates[period] {
      case .keep: continue
      case .unset: member(period.limitName, optional: nil as Int64?)
      case .set(let limit): member(period.limitName, limit.rawValue)
      }
    }
    member("effective_at", change.effectiveAt)
  }

  package mutating func crossing(_ crossing: ThresholdCrossing) {
    member("period", crossing.period.name.description)
    member("window_start", crossing.windowStart)
    member("percent", crossing.percent)
    member("limit", crossing.limit.rawValue)
    member("used", crossing.used.rawValue)
  }
}
