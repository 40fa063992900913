internal import ChatCompletions
internal import QuotaModel
internal import QuotaService

/// How far a model call came. What it may have cost follows from that.
enum CallReach {
  /// Nothing of it went out: it certainly cost nothing.
  case notSent
  /// It went out, and no answer came: it may have been served.
  case sent
  /// The endpoint answered that it did not serve it.
  case refused
  /// The endpoint began an answer, and it broke off.
  case begun
  case answered
}

/// How a model call ended.
struct CallResult {
  var reach: CallReach
  var answer = ChatAnswer()
  /// What the model said; nil where the answer is not whole.
  var text: String?
  var failure: String?
  var statusCode: UInt16?
  var startedAt: Moment?

  /// What the call used; nil where that is certainly nothing.
  func usage(of call: StepID, _ model: ServedModel, _ runtime: CopilotRuntime) -> CallUsage? {
    let tokens = answer.usage.flatMap(TokenUsage.init)
    guard tokens != nil || mayHaveCost else { return nil }
    var usage = CallUsage(id: call, call: call)
    usage.tokens = tokens
    usage.isLost = tokens == nil && reach != .answered
    usage.model = model.name
    usage.price = model.price
    if let startedAt {
      let microseconds = max(0, runtime.clock().microseconds - startedAt.microseconds)
      usage.durationMilliseconds = UInt32(clamping: microseconds / 1000)
    }
    usage.finishReason = answer.finishReason.flatMap { try? CallMark($0) }
    usage.upstreamID = answer.id.flatMap { try? CallMark($0) }
    return usage
  }

  private var mayHaveCost: Bool {
    switch reach {
    case .notSent, .refused: false
    case .sent, .begun, .answered: true
    }
  }
}

extension TokenUsage {
  /// Tokens as an endpoint states them; a part that exceeds its whole is taken for the whole.
  fileprivate init?(_ usage: ChatUsage) {
    let input = usage.inputTokens.flatMap(TokenCount.init)
    let output = usage.outputTokens.flatMap(TokenCount.init)
    guard input != nil || output != nil else { return nil }
    let cacheRead = usage.cacheReadTokens.flatMap(TokenCount.init).map { min($0, input ?? .zero) }
    let rest = (input ?? .zero).subtractingClamped(cacheRead ?? .zero)
    let cacheWrite = usage.cacheWriteTokens.flatMap(TokenCount.init).map { min($0, rest) }
    let reasoning = usage.reasoningTokens.flatMap(TokenCount.init).map { min($0, output ?? .zero) }
    try? self.init(
      input: input, output: output, cacheRead: cacheRead, cacheWrite: cacheWrite,
      reasoning: reasoning)
  }
}
