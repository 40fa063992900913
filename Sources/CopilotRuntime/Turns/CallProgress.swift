internal import ChatCompletions
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// What has come of a model's answer so far.
final class CallProgress {
  let startedAt: Moment
  /// The id that the model's message will have.
  let message = System.randomEntry()
  private let onDelta: (String) -> Void
  private var reader: ChatAnswerReader?
  private var status = 0

  init(startedAt: Moment, _ onDelta: @escaping (String) -> Void) {
    self.startedAt = startedAt
    self.onDelta = onDelta
  }

  func begin(status: Int, _ contentType: String?) {
    self.status = status
    reader = ChatAnswerReader(status: status, contentType: contentType)
  }

  func read(_ bytes: [UInt8]) {
    guard let delta = reader?.read(bytes) else { return }
    if !delta.isEmpty { onDelta(delta) }
  }

  /// What the answer comes to, now that it has ended.
  func finish() -> CallResult {
    guard let reader else { return .failed("The model endpoint sent no answer.") }
    switch reader.finish() {
    case .success(let answer):
      return CallResult(answer: answer, hasAnswer: true, text: answer.text, startedAt: startedAt)
    case .failure(let failure):
      return CallResult(
        answer: failure.partial, hasAnswer: (200...299).contains(status), text: nil,
        failure: failure.message, statusCode: UInt16(exactly: failure.status),
        startedAt: startedAt)
    }
  }

  /// The same where it will not go on.
  func finish(cutBecause text: String) -> CallResult {
    guard let reader else { return .failed(text) }
    let partial: ChatAnswer =
      switch reader.finish() {
      case .success(let answer): answer
      case .failure(let failure): failure.partial
      }
    return CallResult(
      answer: partial, hasAnswer: (200...299).contains(status), text: nil, failure: text,
      startedAt: startedAt)
  }
}

/// How a model call ended.
struct CallResult {
  var answer = ChatAnswer()
  /// Whether the model began to answer: then something was spent, known or not.
  var hasAnswer = false
  /// What the model said; nil where the answer is not whole.
  var text: String?
  var failure: String?
  var statusCode: UInt16?
  var startedAt: Moment?

  static func failed(_ text: String) -> CallResult { CallResult(failure: text) }

  /// What the call used; nil where that is certainly nothing.
  func usage(of call: StepID, model: ModelName?, _ runtime: CopilotRuntime) -> CallUsage? {
    guard hasAnswer || answer.usage != nil else { return nil }
    var usage = CallUsage(id: call, call: call)
    usage.tokens = answer.usage.flatMap(TokenUsage.init)
    usage.model = model ?? answer.model.flatMap { try? ModelName($0) }
    usage.price = usage.model.flatMap { runtime.settings.prices[$0] }
    if let startedAt {
      let microseconds = max(0, runtime.clock().microseconds - startedAt.microseconds)
      usage.durationMilliseconds = UInt32(clamping: microseconds / 1000)
    }
    usage.finishReason = answer.finishReason.flatMap { try? CallMark($0) }
    usage.upstreamID = answer.id.flatMap { try? CallMark($0) }
    return usage
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
