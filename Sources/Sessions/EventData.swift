public import JSON
public import QuotaModel
internal import QuotaService

/// The `data` of each event (contract session-limits, 3.2 and 3.3).
extension JSONWriter {
  mutating func data(of start: SessionStart, _ news: SessionNews) {
    member("sessionId", start.id.description)
    member("version", 1)
    member("producer", "quotalog")
    member("copilotVersion", SessionNarrator.version)
    member("startTime", news.event.recordedAt.millisecondText)
    if let model = start.model { member("selectedModel", model.description) }
    if let directory = SessionText(news.text).workingDirectory {
      name("context")
      beginObject()
      member("cwd", directory)
      endObject()
    }
    if start.limit != nil { sessionLimits(start.limit) }
  }

  mutating func data(of resume: SessionResume, _ news: SessionNews) {
    member("resumeTime", news.event.recordedAt.millisecondText)
    member("eventCount", news.entry.earlierCount)
    if let model = news.session.model { member("selectedModel", model.description) }
    member("sessionWasActive", resume.wasActive)
    sessionLimits(resume.limit)
  }

  mutating func data(ofMessage id: EntryID, _ text: [UInt8]?) {
    let message = MessageText(text)
    member("content", message.content)
    member("messageId", id.description)
    name("attachments")
    raw(message.attachments)
  }

  mutating func data(of message: AssistantMessage, _ text: [UInt8]?) {
    member("messageId", message.message.description)
    name("content")
    string(utf8: text ?? [])
    name("toolRequests")
    beginArray()
    endArray()
    if let turn = message.turn { member("turnId", String(turn)) }
    if let model = message.model { member("model", model.description) }
    if let tokens = message.outputTokens { member("outputTokens", tokens.rawValue) }
  }

  mutating func data(of totals: SessionTotals) {
    member("totalNanoAiu", totals.total.rawValue)
    member("totalPremiumRequests", totals.callCount)
  }

  public mutating func data(of request: ExhaustionRequest) {
    member("requestId", request.id.description)
    credits("usedAiCredits", request.used)
    credits("maxAiCredits", request.limit)
  }

  mutating func response(_ answer: ExhaustionAnswer) {
    name("response")
    beginObject()
    switch answer {
    case .add(let amount):
      member("action", "add")
      credits("additionalAiCredits", amount)
    case .set(let amount):
      member("action", "set")
      credits("maxAiCredits", amount)
    case .unset: member("action", "unset")
    case .cancel: member("action", "cancel")
    }
    endObject()
  }

  mutating func data(of error: SessionError, _ text: [UInt8]?) {
    member("errorType", error.kind.description)
    name("message")
    string(utf8: text ?? Array("the model call failed".utf8))
    if let code = error.statusCode { member("statusCode", code) }
  }

  mutating func data(of warning: SessionWarning) {
    switch warning {
    case .limitReached(let used, let limit):
      member("warningType", "session_limits")
      member(
        "message",
        "The session's limit of \(limit.credits) AI credits is reached (\(used.credits) used), "
          + "so the model was not called.")
    case .budgetReached(let budget, let used, let limit):
      member("warningType", "session_limits")
      member(
        "message",
        "The shared budget \(budget) of \(limit.credits) AI credits is spent (\(used.credits) "
          + "used), so the model was not called.")
    case .quotaReached(let violations):
      member("warningType", "token_quota")
      member("message", Self.text(of: violations))
    case .unknownPrice(let model, let isRefused):
      member("warningType", "unknown_price")
      member(
        "message",
        isRefused
          ? "The model \(model) has no price, and the session has a limit, so the model was not "
            + "called."
          : "The model \(model) has no price, so that what it costs is not known and not limited.")
    }
  }

  mutating func data(ofIgnored option: CallMark) {
    member("warningType", "unsupported_option")
    member("message", "The option \(option) is not supported here and has no effect.")
  }

  private static func text(of violations: [Violation]) -> String {
    let limits = violations.map { violation in
      "\(violation.period) limit \(violation.limit), used \(violation.used)"
    }
    return "The user's token quota is used up (\(limits.joined(separator: "; "))), so the model "
      + "was not called."
  }

  mutating func data(of usage: SessionUsage, _ session: Session) {
    member("model", usage.model?.description ?? "unknown")
    if let tokens = usage.tokens { self.tokens(of: tokens) }
    if let duration = usage.durationMilliseconds { member("duration", duration) }
    member("initiator", usage.agent == nil ? "user" : "agent")
    if let id = usage.upstreamID { member("apiCallId", id.description) }
    member("apiEndpoint", "/chat/completions")
    if let reason = usage.finishReason { member("finishReason", reason.description) }
    switch usage.cost {
    case .unavailable: member("aiCreditsStatus", "unavailable")
    case .stated(let amount):
      copilotUsage(amount, usage.tokens, nil)
      member("aiCreditsStatus", "complete")
    case .priced(let amount, let price):
      copilotUsage(amount, usage.tokens, price)
      member("aiCreditsStatus", "complete")
    }
    name("accounting")
    beginObject()
    member("sourceSessionId", session.id.description)
    member("sequence", usage.sequence)
    member("usageId", usage.id.description)
    endObject()
  }

  private mutating func tokens(of usage: TokenUsage) {
    if let input = usage.input { member("inputTokens", input.rawValue) }
    if let output = usage.output { member("outputTokens", output.rawValue) }
    if let cached = usage.cacheRead { member("cacheReadTokens", cached.rawValue) }
    if let cached = usage.cacheWrite { member("cacheWriteTokens", cached.rawValue) }
    if let reasoning = usage.reasoning { member("reasoningTokens", reasoning.rawValue) }
  }

  private mutating func copilotUsage(
    _ amount: NanoCredits, _ tokens: TokenUsage?, _ price: ModelPrice?
  ) {
    name("copilotUsage")
    beginObject()
    member("totalNanoAiu", amount.rawValue)
    name("tokenDetails")
    beginArray()
    if let tokens, let price {
      let cached = (tokens.cacheRead ?? .zero).adding(tokens.cacheWrite ?? .zero) ?? .maximum
      let fresh = tokens.input?.subtractingClamped(cached)
      detail("input", fresh, price.input, price)
      detail("output", tokens.output, price.output, price)
      detail("cache_read", tokens.cacheRead, price.cacheRead, price)
      detail("cache_write", tokens.cacheWrite, price.cacheWrite, price)
    }
    endArray()
    endObject()
  }

  private mutating func detail(
    _ type: String, _ count: TokenCount?, _ cost: NanoCredits, _ price: ModelPrice
  ) {
    guard let count else { return }
    beginObject()
    member("batchSize", price.batchSize)
    member("costPerBatch", cost.rawValue)
    member("tokenCount", count.rawValue)
    member("tokenType", type)
    endObject()
  }

  mutating func data(of closing: SessionClosing, _ session: Session) {
    member("shutdownType", closing.name)
    member("totalApiDurationMs", session.counts.apiMilliseconds)
    member("sessionStartTime", session.startedAt.microseconds / 1000)
    name("codeChanges")
    beginObject()
    member("linesAdded", 0)
    member("linesRemoved", 0)
    name("filesModified")
    beginArray()
    endArray()
    endObject()
    modelMetrics(of: session)
    member("totalNanoAiu", session.total.rawValue)
    if let model = session.model { member("currentModel", model.description) }
  }

  /// What each model used; the shape is the same in `session.usage.getMetrics`.
  public mutating func modelMetrics(of session: Session) {
    name("modelMetrics")
    beginObject()
    for use in session.models {
      name(use.model.description)
      beginObject()
      name("requests")
      beginObject()
      member("count", use.calls)
      credits("cost", use.cost)
      endObject()
      name("usage")
      beginObject()
      member("inputTokens", use.input.rawValue)
      member("outputTokens", use.output.rawValue)
      member("cacheReadTokens", use.cacheRead.rawValue)
      member("cacheWriteTokens", use.cacheWrite.rawValue)
      member("reasoningTokens", use.reasoning.rawValue)
      endObject()
      member("totalNanoAiu", use.cost.rawValue)
      endObject()
    }
    endObject()
  }
}
