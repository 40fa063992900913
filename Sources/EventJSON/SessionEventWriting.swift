package import JSON
package import QuotaModel

extension JSONWriter {
  package mutating func sessionStart(_ start: SessionStart) {
    member("session_id", start.id.description)
    member("seed", start.seed.description)
    optionalMember("model", start.model)
    optionalMember("max_nano_aiu", start.limit)
    optionalMember("budget_id", start.budget)
  }

  package mutating func budgetChange(_ change: BudgetChange) {
    member("budget_id", change.budget.description)
    optionalMember("old_nano_aiu", change.old)
    member("new_nano_aiu", change.new)
    if let access = change.access { budgetAccess(access) }
  }

  /// `open`, or the ids of the `members`; `JSONValue.budgetAccess` reads them.
  package mutating func budgetAccess(_ access: BudgetAccess) {
    switch access {
    case .open: member("open", true)
    case .members(let members):
      name("members")
      beginArray()
      for member in members { string(member.description) }
      endArray()
    }
  }

  /// The members of what happened in a session; `JSONValue.sessionEvent` reads them.
  package mutating func sessionFact(_ fact: SessionFact, in session: SessionRef) {
    member("session", session.description)
    switch fact {
    case .resumed(let resume):
      optionalMember("max_nano_aiu", resume.limit)
      member("was_active", resume.wasActive)
    case .limitChanged(let change):
      optionalMember("old_nano_aiu", change.old)
      optionalMember("new_nano_aiu", change.new)
      optionalMember("change_id", change.change)
    case .modelChanged(let model): member("model", model.description)
    case .messageReceived(let message): member("message_id", message.description)
    case .callAdmitted(let admission): self.admission(admission)
    case .callEnded(let call, let end):
      member("call_id", call.description)
      member("end", end.name)
    case .callExtended(let call, let expiresAt):
      member("call_id", call.description)
      member("expires_at", expiresAt)
    case .usageRecorded(let usage): sessionUsage(usage)
    case .messageAnswered(let message): assistantMessage(message)
    case .turnEnded(let turn): member("turn", turn)
    case .checkpointed(let totals):
      member("total_nano_aiu", totals.total)
      member("call_count", totals.callCount)
    case .exhaustionRequested(let request): exhaustionRequest(request)
    case .exhaustionAnswered(let request, let answer):
      member("exhaustion_id", request.description)
      exhaustionAnswer(answer)
    case .warned(let warning): self.warning(warning)
    case .optionIgnored(let name): member("option", name.description)
    case .failed(let error):
      member("error", error.kind.description)
      optionalMember("status_code", error.statusCode)
    case .aborted, .deleted: break
    case .windowStarted(let number): member("window", number)
    case .closed(let closing): member("closing", closing.name)
    }
  }

  private mutating func admission(_ admission: CallAdmission) {
    member("call_id", admission.call.description)
    member("reservation_nano_aiu", admission.reservation)
    member("expires_at", admission.expiresAt)
    optionalMember("turn", admission.turn)
    optionalMember("model", admission.model)
  }

  private mutating func sessionUsage(_ usage: SessionUsage) {
    member("usage_id", usage.id.description)
    optionalMember("call_id", usage.call)
    member("sequence", usage.sequence)
    if let tokens = usage.tokens { tokenUsage(tokens) }
    optionalMember("model", usage.model)
    cost(usage.cost)
    optionalMember("estimate_nano_aiu", usage.estimate)
    optionalMember("agent_id", usage.agent)
    optionalMember("duration_ms", usage.durationMilliseconds)
    optionalMember("finish_reason", usage.finishReason)
    optionalMember("upstream_id", usage.upstreamID)
  }

  private mutating func cost(_ cost: CallCost) {
    optionalMember("cost_nano_aiu", cost.amount)
    guard case .priced(_, let price) = cost else { return }
    member("price_input_nano_aiu", price.input)
    member("price_output_nano_aiu", price.output)
    member("price_cache_read_nano_aiu", price.cacheRead)
    member("price_cache_write_nano_aiu", price.cacheWrite)
    member("price_batch_size", price.batchSize)
  }

  private mutating func assistantMessage(_ message: AssistantMessage) {
    member("message_id", message.message.description)
    optionalMember("turn", message.turn)
    optionalMember("output_tokens", message.outputTokens?.rawValue)
    optionalMember("model", message.model)
  }

  private mutating func exhaustionRequest(_ request: ExhaustionRequest) {
    // `request_id` is what the caller called the request that caused the event.
    member("exhaustion_id", request.id.description)
    member("used_nano_aiu", request.used)
    member("max_nano_aiu", request.limit)
    optionalMember("budget_id", request.budget)
  }

  private mutating func exhaustionAnswer(_ answer: ExhaustionAnswer) {
    switch answer {
    case .add(let amount):
      member("action", "add")
      member("additional_nano_aiu", amount)
    case .set(let amount):
      member("action", "set")
      member("max_nano_aiu", amount)
    case .unset: member("action", "unset")
    case .cancel: member("action", "cancel")
    }
  }

  private mutating func warning(_ warning: SessionWarning) {
    switch warning {
    case .limitReached(let used, let limit):
      member("warning", "limit_reached")
      member("used_nano_aiu", used)
      member("max_nano_aiu", limit)
    case .budgetReached(let budget, let used, let limit):
      member("warning", "budget_reached")
      member("budget_id", budget.description)
      member("used_nano_aiu", used)
      member("max_nano_aiu", limit)
    case .quotaReached(let violations):
      member("warning", "quota_reached")
      self.violations(violations)
    case .unknownPrice(let model, let isRefused):
      member("warning", "unknown_price")
      member("model", model.description)
      if isRefused { member("refused", true) }
    }
  }
}

extension JSONWriter {
  private mutating func member(_ name: StaticString, _ amount: NanoCredits) {
    member(name, amount.rawValue)
  }

  private mutating func optionalMember(_ name: StaticString, _ amount: NanoCredits?) {
    if let amount { member(name, amount) }
  }

  private mutating func optionalMember(_ name: StaticString, _ number: (some FixedWidthInteger)?) {
    if let number { member(name, number) }
  }

  private mutating func optionalMember(_ name: StaticString, _ text: (some ByteText)?) {
    if let text { member(name, text.description) }
  }
}
