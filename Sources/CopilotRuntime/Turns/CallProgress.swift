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
    guard let reader else {
      return CallResult(
        reach: .sent, failure: "The model endpoint sent no answer.", startedAt: startedAt)
    }
    switch reader.finish() {
    case .success(let answer):
      return CallResult(
        reach: .answered, answer: answer, text: answer.text, startedAt: startedAt)
    case .failure(let failure):
      return CallResult(
        reach: brokenReach, answer: failure.partial, failure: failure.message,
        statusCode: UInt16(exactly: failure.status), startedAt: startedAt)
    }
  }

  /// The same where it will not go on.
  func finish(cutBecause text: String, isSent: Bool) -> CallResult {
    guard let reader else {
      return CallResult(reach: isSent ? .sent : .notSent, failure: text, startedAt: startedAt)
    }
    let partial: ChatAnswer =
      switch reader.finish() {
      case .success(let answer): answer
      case .failure(let failure): failure.partial
      }
    return CallResult(reach: brokenReach, answer: partial, failure: text, startedAt: startedAt)
  }

  /// A status that tells of a failure says that nothing was served, whatever comes behind it.
  private var brokenReach: CallReach { (200...299).contains(status) ? .begun : .refused }
}
