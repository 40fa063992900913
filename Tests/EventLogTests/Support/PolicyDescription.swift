import QuotaModel

func description(of hold: Hold) -> [String: String] {
  var members = ["tokens": "\(hold.tokens)", "expires_at": "\(hold.expiresAt.microseconds)"]
  members["session"] = hold.session?.description
  if hold.credits > .zero { members["credits"] = "\(hold.credits)" }
  for (index, budget) in hold.budgets.enumerated() { members["budget \(index)"] = "\(budget)" }
  return members
}

func description(of settlement: Settlement) -> [String: String] {
  var members: [String: String] = [:]
  if settlement.credits > .zero { members["credits"] = "\(settlement.credits)" }
  if settlement.overage > .zero { members["overage"] = "\(settlement.overage)" }
  if settlement.isLate { members["late"] = "true" }
  if settlement.isCountedInSession { members["counted_in_session"] = "true" }
  if settlement.isCostUnknown { members["cost_unknown"] = "true" }
  return members
}

func description(of refusal: Refusal) -> [String: String] {
  var members = description(of: refusal.violations)
  members["estimate"] = refusal.estimate?.description
  members["credits"] = refusal.credits?.description
  members["session"] = refusal.session?.description
  members["policy"] = refusal.policy?.description
  members["time to live"] = refusal.timeToLiveSeconds.map { "\($0) s" }
  for (index, budget) in refusal.budgets.enumerated() {
    members["budget \(index)"] = budget.description
  }
  for (index, violation) in refusal.creditViolations.enumerated() {
    members["credit violation \(index)"] =
      "\(violation.budget?.description ?? "session") limit \(violation.limit) "
      + "used \(violation.used) reserved \(violation.reserved)"
  }
  return members
}

func description(of changes: [ModeChange]) -> [String: String] {
  var members = ["changes": "\(changes.count)"]
  for (index, change) in changes.enumerated() {
    let old = change.old?.name ?? "none"
    let new = change.new?.name ?? "none"
    members["change \(index)"] = "\(change.period) \(old) to \(new)"
  }
  return members
}

func description(of allowance: Allowance) -> [String: String] {
  [
    "period": "\(allowance.period)", "window": "\(allowance.windowStart.microseconds)",
    "tokens": "\(allowance.tokens)",
  ]
}

func description(of change: ScheduledChange) -> [String: String] {
  var members = ["effective_at": "\(change.effectiveAt.microseconds)"]
  for period in Period.allCases {
    switch change.updates[period] {
    case .keep: continue
    case .unset: members["\(period)"] = "none"
    case .set(let limit): members["\(period)"] = "\(limit)"
    }
  }
  return members
}

func description(of crossing: ThresholdCrossing) -> [String: String] {
  [
    "period": "\(crossing.period)", "window": "\(crossing.windowStart.microseconds)",
    "percent": "\(crossing.percent)", "limit": "\(crossing.limit)", "used": "\(crossing.used)",
  ]
}
