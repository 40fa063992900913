import QuotaModel

/// An event as names and texts that a person can read; two events that differ never look alike.
func description(of event: Event) -> [String: String] {
  var members = description(of: event.fact)
  members["kind"] = event.fact.kind.name
  members["position"] = "\(event.position)"
  members["recorded_at"] = "\(event.recordedAt.microseconds)"
  members["decided_at"] = event.decidedAt.map { "\($0.microseconds)" }
  members["happened_at"] = "\(event.happenedAt.microseconds)"
  members["request_id"] = event.requestID?.description
  members["reason"] = event.reason?.description
  members["actor"] =
    switch event.actor {
    case .service: "service"
    case .operator: "operator"
    case .user(let user): "user \(user)"
    }
  return members
}

private func description(of fact: Fact) -> [String: String] {
  var members = fact.user.map { ["user": "\($0)"] } ?? [:]
  func add(_ more: [String: String]) { members.merge(more) { first, _ in first } }
  switch fact {
  case .userDeactivated, .userReactivated, .userErased: break
  case .userRegistered(_, let role): add(["role": role.name])
  case .roleChanged(_, let old, let new): add(["old": old.name, "new": new.name])
  case .tokenIssued(let issue):
    add(["token": "\(issue.token)", "digest": "\(issue.digest)"])
    members["expires_at"] = issue.expiresAt.map { "\($0.microseconds)" }
  case .tokenRevoked(let token, _): add(["token": "\(token)"])
  case .defaultsChanged(let changes): add(description(of: changes))
  case .limitsChanged(_, let changes): add(description(of: changes))
  case .calendarChanged(let setting):
    add(["zone": setting.zone, "week_start": setting.weekStart.name])
  case .tokensSpent(let spend): add(description(of: spend))
  case .holdSettled(let hold, let settlement), .holdDrawn(let hold, let settlement):
    add(description(of: settlement.spend))
    add(description(of: settlement))
    add(["hold": "\(hold)"])
  case .spendHeld(let hold): add(description(of: hold))
  case .holdVoided(let hold, _), .holdExpired(let hold, _): add(["hold": "\(hold)"])
  case .holdExtended(let hold, _, let expiresAt):
    add(["hold": "\(hold)", "expires_at": "\(expiresAt.microseconds)"])
  case .spendRefused(let refusal), .spendShadowed(let refusal): add(description(of: refusal))
  case .usageCorrected(let correction):
    add(description(of: correction.usage))
    add(["corrected": "\(correction.corrected)", "old": "\(correction.old)"])
  case .modesChanged(_, let changes): add(description(of: changes))
  case .allowanceGranted(let allowance): add(description(of: allowance))
  case .limitsScheduled(let change): add(description(of: change))
  case .scheduleEnded(let schedule, _, let wasApplied):
    add(["schedule": "\(schedule)", "applied": "\(wasApplied)"])
  case .thresholdCrossed(let crossing): add(description(of: crossing))
  case .sessionStarted(let start): add(description(of: start))
  case .session(let session, let fact):
    add(description(of: fact))
    add(["session": "\(session)"])
  case .budgetChanged(let change):
    add(["budget": "\(change.budget)", "new": "\(change.new)"])
    switch change.access {
    case nil: break
    case .open: add(["access": "open"])
    case .members(let members): add(["access": "members \(members)"])
    }
    members["old"] = change.old?.description
  }
  return members
}

private func description(of spend: Spend) -> [String: String] {
  var members = description(of: spend.usage)
  members["model"] = spend.model?.description
  return members
}

func description(of usage: TokenUsage) -> [String: String] {
  var members = ["tokens": "\(usage.total)"]
  members["input"] = usage.input?.description
  members["output"] = usage.output?.description
  members["cache_read"] = usage.cacheRead?.description
  members["cache_write"] = usage.cacheWrite?.description
  members["reasoning"] = usage.reasoning?.description
  return members
}

private func description(of changes: [LimitChange]) -> [String: String] {
  var members = ["changes": "\(changes.count)"]
  for (index, change) in changes.enumerated() {
    let old = change.old?.description ?? "none"
    let new = change.new?.description ?? "none"
    members["change \(index)"] = "\(change.period) \(old) to \(new)"
  }
  return members
}

func description(of violations: [Violation]) -> [String: String] {
  var members = ["violations": "\(violations.count)"]
  for (index, violation) in violations.enumerated() {
    members["violation \(index)"] =
      "\(violation.period) limit \(violation.limit) used \(violation.used) "
      + "reserved \(violation.reserved)"
      + (violation.mode == .hard ? "" : " mode \(violation.mode.name)")
  }
  return members
}
