internal import LMDB
internal import QuotaModel

extension [UInt8] {
  mutating func append(_ start: SessionStart) {
    appendOptionalUser(start.user)
    appendText(start.id.description)
    append(start.seed)
    appendOptional(start.model)
    appendOptional(start.limit)
    appendOptional(start.budget)
  }

  mutating func append(_ change: BudgetChange) {
    appendText(change.budget.description)
    appendOptional(change.old)
    appendCredits(change.new)
    switch change.access {
    case nil: break
    case .open: append(BudgetParts.open.rawValue)
    case .members(let members):
      append(BudgetParts.members.rawValue)
      append(UInt8(members.count))
      for member in members { appendUser(member) }
    }
  }

  /// What follows the session's number.
  mutating func appendBody(of fact: SessionFact) {
    switch fact {
    case .resumed(let resume):
      appendOptional(resume.limit)
      append(resume.wasActive ? 1 : 0)
    case .limitChanged(let change):
      appendOptional(change.old)
      appendOptional(change.new)
      appendOptional(change.change)
    case .modelChanged(let model): appendText(model.description)
    case .messageReceived(let message): append(message)
    case .callAdmitted(let admission): append(admission)
    case .callEnded(let call, let end):
      appendText(call.description)
      append(end.rawValue)
    case .callExtended(let call, let expiresAt):
      appendText(call.description)
      appendInteger(expiresAt.microseconds)
    case .usageRecorded(let usage): append(usage)
    case .messageAnswered(let message): append(message)
    case .turnEnded(let turn): appendInteger(turn)
    case .checkpointed(let totals):
      appendCredits(totals.total)
      appendInteger(totals.callCount)
    case .exhaustionRequested(let request): append(request)
    case .exhaustionAnswered(let request, let answer):
      append(request)
      append(answer)
    case .warned(let warning): append(warning)
    case .optionIgnored(let name): appendText(name.description)
    case .failed(let error):
      appendText(error.kind.description)
      appendInteger(error.statusCode ?? 0)
    case .aborted, .deleted: break
    case .windowStarted(let number): appendInteger(number)
    case .closed(let closing): append(closing.rawValue)
    }
  }

  private mutating func append(_ admission: CallAdmission) {
    appendText(admission.call.description)
    appendCredits(admission.reservation)
    appendInteger(admission.expiresAt.microseconds)
    appendInteger(admission.turn ?? 0)
    appendOptional(admission.model)
  }

  private mutating func append(_ usage: SessionUsage) {
    appendText(usage.id.description)
    appendOptional(usage.call)
    appendInteger(usage.sequence)
    append(usage.tokens == nil ? 0 : 1)
    if let tokens = usage.tokens {
      append(SpendParts(of: tokens).rawValue)
      append(tokens)
    }
    appendOptional(usage.model)
    append(usage.cost)
    appendOptional(usage.agent)
    append(usage.durationMilliseconds == nil ? 0 : 1)
    if let duration = usage.durationMilliseconds { appendInteger(duration) }
    appendOptional(usage.finishReason)
    appendOptional(usage.upstreamID)
    let parts = UsageParts(of: usage)
    guard !parts.isEmpty else { return }
    append(parts.rawValue)
    if let estimate = usage.estimate { appendCredits(estimate) }
  }

  private mutating func append(_ cost: CallCost) {
    switch cost {
    case .unavailable: append(0)
    case .stated(let amount):
      append(1)
      appendCredits(amount)
    case .priced(let amount, let price):
      append(2)
      appendCredits(amount)
      appendCredits(price.input)
      appendCredits(price.output)
      appendCredits(price.cacheRead)
      appendCredits(price.cacheWrite)
      appendInteger(price.batchSize)
    }
  }

  private mutating func append(_ message: AssistantMessage) {
    append(message.message)
    appendInteger(message.turn ?? 0)
    append(message.outputTokens == nil ? 0 : 1)
    if let tokens = message.outputTokens { appendVariable(tokens) }
    appendOptional(message.model)
  }

  private mutating func append(_ request: ExhaustionRequest) {
    append(request.id)
    appendCredits(request.used)
    appendCredits(request.limit)
    appendOptional(request.budget)
  }

  private mutating func append(_ answer: ExhaustionAnswer) {
    switch answer {
    case .add(let amount):
      append(0)
      appendCredits(amount)
    case .set(let amount):
      append(1)
      appendCredits(amount)
    case .unset: append(2)
    case .cancel: append(3)
    }
  }

  private mutating func append(_ warning: SessionWarning) {
    switch warning {
    case .limitReached(let used, let limit):
      append(0)
      appendCredits(used)
      appendCredits(limit)
    case .budgetReached(let budget, let used, let limit):
      append(1)
      appendText(budget.description)
      appendCredits(used)
      appendCredits(limit)
    case .quotaReached(let violations):
      append(2)
      append(violations)
    case .unknownPrice(let model, let isRefused):
      append(3)
      appendText(model.description)
      if isRefused { append(WarningParts.refused.rawValue) }
    }
  }

  private mutating func append(_ id: EntryID) {
    appendInteger(id.high.byteSwapped)
    appendInteger(id.low.byteSwapped)
  }

  mutating func appendCredits(_ amount: NanoCredits) { appendInteger(amount.rawValue) }

  /// An amount, or -1 for none.
  mutating func appendOptional(_ amount: NanoCredits?) { appendInteger(amount?.rawValue ?? -1) }

  /// A text, or an empty one for none.
  private mutating func appendOptional(_ text: (any ByteText)?) {
    appendText(text?.description ?? "")
  }

  mutating func appendOptionalUser(_ user: UserID?) {
    append(user == nil ? 0 : 1)
    if let user { appendUser(user) }
  }
}
