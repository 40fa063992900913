internal import ChatCompletions
internal import EventLoop
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// What one user message starts: the message, the gate, the model call, the answer, and `session.idle`
/// at last.
final class Turn {
  /// Why a turn is stopped from outside.
  enum Stop { case byAbort, byEnding }

  private enum State {
    case receiving
    case asking
    /// The cap is reached; somebody was asked.
    case deciding
    /// Calls under way may use up what is left.
    case waiting
    case calling
    case ending
  }

  let send: Send
  private unowned let engine: SessionEngine
  private let call: StepID
  private var state = State.receiving
  private var stop: Stop?
  private var number: UInt64 = 0
  private var modelCall: (any ModelCall)?
  private var progress: CallProgress?
  private var timer: LoopTimer?
  /// What the call waits for.
  private var question: ExhaustionRequest?
  /// The last answer that was heard.
  private var answer: (request: EntryID, answer: ExhaustionAnswer)?
  /// Whether the ledger has dropped the call because nobody would answer.
  private var isDropped = false
  /// The model's message as clients see it.
  private var response: [UInt8]?
  private var failure: String?

  init(_ send: Send, of engine: SessionEngine) {
    self.send = send
    self.engine = engine
    call = StepID(own: System.randomEntry())
  }

  private var runtime: CopilotRuntime { engine.runtime }
  private var session: Session { engine.session }
  private var model: ModelName? { session.model ?? runtime.settings.defaultModel }
  var isCalling: Bool { state == .calling }
  /// Whether a model was called and what it used is not recorded yet.
  var isSpending: Bool { isCalling || progress != nil && state == .ending }

  func start() {
    submit(.receive(send.address, send.message, text: send.text.bytes)) { [self] answer in
      guard case .session = answer else { return finish(failing: text(of: answer)) }
      if stop != nil { return endStopped() }
      gate()
    }
  }

  // MARK: The gate

  private func gate() {
    if engine.handler(for: send) == nil, engine.provider == nil, !session.isExhausted {
      return failWithoutRoute()
    }
    // A turn that meets a question which nobody waits for says it again.
    if let request = session.request { show(request) }
    state = .asking
    submit(.admit(send.address, callRequest())) { [self] answer in
      guard case .session(let answer) = answer else { return finish(failing: text(of: answer)) }
      if stop != nil, !answer.result.isAdmission { return endStopped() }
      follow(answer.result)
    }
  }

  private func callRequest() -> CallRequest {
    let price = model.flatMap { runtime.settings.prices[$0] }
    let bound = engine.provider?.maximumOutputTokens
    return CallRequest(
      call: call, estimate: price.flatMap { price in bound.flatMap { price.bound(output: $0) } },
      fallback: runtime.settings.fallbackReservation,
      timeToLiveSeconds: runtime.settings.reservationSeconds, model: model,
      isUnpriced: price == nil, refusesUnpriced: runtime.settings.refusesUnknownCost,
      turn: CallRequest.Turn(isAnswerable: runtime.hub.hasInterest(session.ref)))
  }

  private func follow(_ result: SessionResult) {
    switch result {
    case .admitted(_, let turn?):
      number = turn
      callModel()
    case .mustWait:
      state = .waiting
      // Room is told of; this is for what nobody tells.
      setTimer(milliseconds: 1000) { [weak self] in self?.roomMayBeFree() }
    case .exhausted where session.call(call) == nil && isDropped:
      becomeIdle()
    case .exhausted(let request, isNew: _):
      question = request
      if let answer, answer.request == request.id { return follow(answer.answer) }
      state = .deciding
      if let seconds = runtime.settings.decisionTimeoutSeconds {
        setTimer(milliseconds: Int(seconds) * 1000) { [weak self] in self?.decisionTimedOut() }
      }
      // Whoever would have answered may have gone meanwhile.
      if !runtime.hub.hasInterest(session.ref) { interestLost() }
    default: becomeIdle()
    }
  }

  private func follow(_ answer: ExhaustionAnswer) {
    timer?.cancel()
    if answer == .cancel { drop() } else { gate() }
  }

  private func failWithoutRoute() {
    let text = "No model provider: register a request handler, or give the session a provider."
    failure = text
    guard let kind = try? CallMark("no_provider") else { return }
    submit(.fail(send.address, SessionError(kind: kind), text: Array(text.utf8))) { [self] _ in
      becomeIdle()
    }
  }

  private func show(_ request: ExhaustionRequest) {
    runtime.hub.show(
      "session_limits_exhausted.requested", in: session
    ) { $0.data(of: request) }
  }

  // MARK: What happens meanwhile

  func heard(_ news: SessionNews) {
    switch news.event.fact {
    case .session(_, .callEnded(call, .dropped)):
      isDropped = true
    case .session(_, .exhaustionAnswered(let request, let answer)):
      // It may come before the ledger's word that this is what the call waits for.
      self.answer = (request, answer)
      if state == .deciding, stop == nil { follow(answer) }
    case .session(_, .messageAnswered(let message)) where message.turn == number && number > 0:
      response = SessionNarrator.events(of: news).first?.json
    case .session(_, .callEnded), .session(_, .usageRecorded):
      roomMayBeFree()
    default: break
    }
  }

  func roomMayBeFree() {
    guard state == .waiting, stop == nil else { return }
    timer?.cancel()
    // Not from within the telling: what comes next is a new step.
    state = .asking
    runtime.loop.runAfterCallback { [weak self] in
      guard let self, state == .asking else { return }
      gate()
    }
  }

  func interestLost() {
    guard state == .deciding, stop == nil else { return }
    drop()
  }

  private func decisionTimedOut() {
    guard state == .deciding, stop == nil, let request = session.request else { return }
    let command = SessionCommand.answer(
      engine.address, request: request.id.description, .cancel)
    submit(command, by: .service) { _ in }
  }

  /// The call is never made; people are told why.
  private func drop() {
    timer?.cancel()
    state = .ending
    let warning = question.map { SessionWarning($0) }
    submit(.drop(engine.address, call, warning), by: .service) { [self] _ in becomeIdle() }
  }

  // MARK: Stopping

  func stop(_ reason: Stop) {
    guard stop == nil, state != .ending else { return }
    stop = reason
    timer?.cancel()
    switch state {
    case .receiving, .asking, .ending: break
    case .deciding, .waiting: endStopped()
    case .calling:
      modelCall?.cancel()
      end(progress?.finish(cutBecause: "aborted"))
    }
  }

  private func endStopped() {
    state = .ending
    if stop == .byAbort {
      return submit(.abort(engine.address)) { [self] _ in becomeIdle() }
    }
    guard let request = session.request else { return becomeIdle() }
    submit(.answer(engine.address, request: request.id.description, .cancel)) { [self] _ in
      submit(.drop(engine.address, call, SessionWarning(request)), by: .service) { [self] _ in
        becomeIdle()
      }
    }
  }

  // MARK: The model

  private func callModel() {
    state = .calling
    if stop != nil { return end(nil) }
    let conversation: [ChatRequest.Message]
    do throws(StoreFailure) {
      conversation = try Conversation.messages(
        of: session, engine, answering: send.message, in: runtime.hub.queries)
    } catch {
      return end(.failed("the conversation cannot be read: \(error)"))
    }
    let request = ChatRequest(
      model: engine.provider?.model ?? model?.description ?? "default",
      messages: conversation, isStreaming: engine.isStreaming,
      maxOutputTokens: engine.provider?.maximumOutputTokens)
    showContext(conversation)
    let progress = CallProgress(startedAt: runtime.clock()) { [weak self] in self?.showDelta($0) }
    self.progress = progress
    modelCall = ModelRoute.start(
      request.body(), send, engine
    ) { [weak self] event in self?.modelSaid(event) }
    if modelCall == nil { end(.failed("No model provider is connected any more.")) }
  }

  private func modelSaid(_ event: ModelCallEvent) {
    guard state == .calling, stop == nil, let progress else { return }
    switch event {
    case .head(let status, let contentType): progress.begin(status: status, contentType)
    case .body(let bytes): progress.read(bytes)
    case .end: end(progress.finish())
    case .failed(let text): end(progress.finish(cutBecause: text))
    }
  }

  private func showContext(_ messages: [ChatRequest.Message]) {
    let bounds = model.flatMap { runtime.settings.modelBounds[$0] }
    let byteCount = messages.reduce(0) { $0 + $1.content.utf8.count }
    runtime.hub.show("session.usage_info", in: session) {
      $0.member("tokenLimit", bounds?.contextTokens.rawValue ?? 128_000)
      // Four bytes a token: only the model knows better, and says so afterwards.
      $0.member("currentTokens", (byteCount + 3) / 4)
      $0.member("messagesLength", messages.count)
    }
  }

  private func showDelta(_ text: String) {
    guard engine.isStreaming, !text.isEmpty, let progress else { return }
    runtime.hub.show("assistant.message_delta", in: session) {
      $0.member("messageId", progress.message.description)
      $0.member("deltaContent", text)
    }
  }

  /// Records how the call ended, and ends the turn.
  private func end(_ result: CallResult?) {
    state = .ending
    modelCall = nil
    var outcome = CallOutcome(call: call, turn: number, end: stop == nil ? .failed : .aborted)
    outcome.isAborted = stop == .byAbort
    if let result { fill(&outcome, from: result) }
    record(outcome, untilLateBy: runtime.settings.reservationSeconds)
  }

  /// What was used is not lost because the ledger takes nothing at the moment.
  private func record(_ outcome: CallOutcome, untilLateBy seconds: Int64) {
    submit(.endCall(engine.address, outcome)) { [self] answer in
      if case .failed(.unavailable) = answer, seconds > 0 {
        return setTimer(milliseconds: 1000) { [self] in
          record(outcome, untilLateBy: seconds - 1)
        }
      }
      if case .failed = answer { failure = failure ?? text(of: answer) }
      becomeIdle()
    }
  }

  private func fill(_ outcome: inout CallOutcome, from result: CallResult) {
    outcome.usage = result.usage(of: call, model: model, runtime)
    if let text = result.text, let progress {
      outcome.message = (id: progress.message, text: Array(text.utf8))
    }
    guard let text = result.failure, stop == nil, let kind = try? CallMark("model_call") else {
      return
    }
    // A server may repeat anything of the request.
    let told = Secrets((engine.provider?.headers ?? []) + send.headers).removed(from: text)
    failure = told
    let error = SessionError(kind: kind, statusCode: result.statusCode)
    outcome.error = (error: error, text: Array(told.utf8))
  }

  // MARK: The end

  private func becomeIdle() {
    state = .ending
    timer?.cancel()
    let isAborted = stop == .byAbort
    let idle = runtime.hub.show("session.idle", in: session) {
      $0.member("mode", "interactive")
      if isAborted { $0.member("aborted", true) }
    }
    let completion = idle.id.description
    if let failure {
      send.finish?(.failed(failure, completion: completion))
    } else {
      send.finish?(
        .idle(completion: completion, response: response, isAborted: isAborted))
    }
    engine.turnEnded()
  }

  /// Ends a turn about which nothing can be recorded any more.
  private func finish(failing text: String) {
    failure = text
    becomeIdle()
  }

  private func text(of answer: Answer) -> String {
    guard case .failed(let failure) = answer else { return "the ledger gave no answer" }
    if case .text(let text) = CallFault(failure, Parameters(nil)) { return text }
    return "the session is gone"
  }

  private func submit(
    _ command: SessionCommand, by actor: Actor? = nil, _ complete: @escaping (Answer) -> Void
  ) {
    runtime.desk.submit(Submission(.session(command), by: actor ?? send.actor), complete)
  }

  private func setTimer(milliseconds: Int, _ body: @escaping () -> Void) {
    timer?.cancel()
    timer = try? runtime.loop.schedule(after: milliseconds, body)
  }
}

extension SessionResult {
  fileprivate var isAdmission: Bool { if case .admitted = self { true } else { false } }
}

extension ModelPrice {
  fileprivate func bound(output tokens: Int64) -> NanoCredits? {
    TokenCount(tokens).flatMap { bound(maximumOutput: $0) }
  }
}
