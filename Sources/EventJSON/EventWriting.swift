public import JSON
public import QuotaModel

extension JSONWriter {
  /// The canonical form of an event: one object, members in a fixed order. `Event(json:)` reads it.
  ///
  /// `name` is what the registered user is called; it is no part of the event.
  public mutating func event(_ event: Event, userName name: UserName? = nil) {
    beginObject()
    member("position", event.position)
    member("type", event.fact.kind.name)
    member("recorded_at", event.recordedAt)
    if let clock = event.decidedAt { member("decided_at", clock) }
    member("happened_at", event.happenedAt)
    self.name("actor")
    actor(event.actor)
    if let id = event.requestID { member("request_id", id.description) }
    if let reason = event.reason { member("reason", reason.description) }
    fact(event.fact)
    if let name { member("name", name.description) }
    endObject()
  }

  private mutating func actor(_ actor: Actor) {
    switch actor {
    case .service: string("service")
    case .operator: string("operator")
    case .user(let user):
      beginObject()
      member("user", user.description)
      endObject()
    }
  }

  private mutating func fact(_ fact: Fact) {
    if let user = fact.user { member("user", user.description) }
    switch fact {
    case .userRegistered(_, let role): member("role", role.name)
    case .userDeactivated, .userReactivated, .userErased: break
    case .roleChanged(_, let old, let new):
      member("old", old.name)
      member("new", new.name)
    case .tokenIssued(let issue):
      member("token_id", issue.token.description)
      member("sha256", issue.digest.description)
      if let end = issue.expiresAt { member("expires_at", end) }
    case .tokenRevoked(let token, user: _): member("token_id", token.description)
    case .defaultsChanged(let changes), .limitsChanged(_, let changes): self.changes(changes)
    case .calendarChanged(let setting):
      member("time_zone", setting.zone)
      member("week_start", setting.weekStart.name)
    case .tokensSpent(let spend): self.spend(spend)
    case .spendHeld(let hold): self.hold(hold)
    case .holdSettled(let hold, let settlement), .holdDrawn(let hold, let settlement):
      member("hold", hold.description)
      spend(settlement.spend)
      self.settlement(settlement)
    case .holdExtended(let hold, user: _, let expiresAt):
      member("hold", hold.description)
      member("expires_at", expiresAt)
    case .holdVoided(let hold, user: _), .holdExpired(let hold, user: _):
      member("hold", hold.description)
    case .spendRefused(let refusal), .spendShadowed(let refusal): self.refusal(refusal)
    case .usageCorrected(let correction): self.correction(correction)
    case .modesChanged(_, let changes): modeChanges(changes)
    case .allowanceGranted(let allowance): self.allowance(allowance)
    case .limitsScheduled(let change): scheduledChange(change)
    case .scheduleEnded(let schedule, user: _, let wasApplied):
      member("schedule", schedule.description)
      member("applied", wasApplied)
    case .thresholdCrossed(let crossing): self.crossing(crossing)
    case .sessionStarted(let start): sessionStart(start)
    case .session(let session, let fact): sessionFact(fact, in: session)
    case .budgetChanged(let change): budgetChange(change)
    }
  }

  private mutating func spend(_ spend: Spend) {
    tokenUsage(spend.usage)
    if let model = spend.model { member("model", model.description) }
  }

  package mutating func tokenUsage(_ usage: TokenUsage) {
    member("tokens", usage.total.rawValue)
    if let input = usage.input { member("input_tokens", input.rawValue) }
    if let output = usage.output { member("output_tokens", output.rawValue) }
    if let cacheRead = usage.cacheRead { member("cache_read_tokens", cacheRead.rawValue) }
    if let cacheWrite = usage.cacheWrite { member("cache_write_tokens", cacheWrite.rawValue) }
    if let reasoning = usage.reasoning { member("reasoning_tokens", reasoning.rawValue) }
  }

  private mutating func changes(_ changes: [LimitChange]) {
    name("changes")
    beginArray()
    for change in changes {
      beginObject()
      member("period", change.period.name.description)
      member("old", optional: change.old?.rawValue)
      member("new", optional: change.new?.rawValue)
      endObject()
    }
    endArray()
  }
}
