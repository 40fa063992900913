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

  enum State {
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
  unowned let engine: SessionEngine
  let call: StepID
  var state = State.receiving
  var stop: Stop?
  private(set) var number: UInt64 = 0
  /// The call as the gate was asked about it.
  var plan: ModelCallPlan?
  var modelCall: (any ModelCall)?
  var progress: CallProgress?
  var clock: CallClock?
  private var timer: LoopTimer?
  /// What the call waits for.
  private var question: ExhaustionRequest?
  /// The last answer that was heard.
  private var answer: (request: EntryID, answer: ExhaustionAnswer)?
  /// Whether the ledger has dropped the call because nobody would answer.
  private var isDropped = false
  /// The model's message as clients see it.
  private var response: [UInt8]?
  var failure: String?

  init(_ send: Send, of engine: SessionEngine) {
    self.send = send
    self.engine = engine
    call = StepID(own: System.randomEntry())
  }

  var runtime: CopilotRuntime { engine.runtime }
  var session: Session { engine.session }
  var isCalling: Bool { state == .calling }
  /// Whether a model was called and what it used is not recorded yet.
  var isSpending: Bool { isCalling || progress != nil && state == .ending }

  func start() {
    ask(.receive(send.address, send.message, text: send.text.bytes)) { [self] answer in
      guard case .session = answer else { return finish(failing: text(of: answer)) }
      if stop != nil { return endStopped() }
      gate()
    }
  }

  // MARK: The gate

  private func gate() {
    // Somebody may have been asked meanwhile, or room been waited for: for as long as that took.
    guard runtime.mayChange(send.identity) else {
      stop = .byEnding
      return endStopped()
    }
    if engine.handler(for: send) == nil, engine.provider == nil, !session.isExhausted {
      return failWithoutRoute()
    }
    // A turn that meets a question which nobody waits for says it again.
    if let request = session.request { show(request) }
    state = .asking
    do throws(StoreFailure) {
      ask(.admit(send.address, try callRequest()), completeAdmission)
    } catch {
      fail("conversation", "the conversation cannot be read: \(error)")
    }
  }

  private func completeAdmission(_ answer: Answer) {
    guard case .session(let answer) = answer else { return finish(failing: text(of: answer)) }
    if stop != nil, !answer.result.isAdmission { return endStopped() }
    follow(answer.result)
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
      // It may take for ever, and everything that was said is in the plan.
      plan = nil
      if let seconds = runtime.settings.decisionTimeoutSeconds {
        setTimer(milliseconds: Int(seconds) * 1000) { [weak self] in self?.decisionTimedOut() }
      }
      // Whoever would have answered may have gone meanwhile.
      if !runtime.hub.hasInterest(session.ref) { interestLost() }
    // Refused; or an answer to something else.
    case .dropped, .quotaExhausted, .unpriced, .admitted(_, turn: nil), .done, .unchanged, .existed,
      .recorded, .tooLate:
      becomeIdle()
    }
  }

  private func follow(_ answer: ExhaustionAnswer) {
    timer?.cancel()
    if answer == .cancel { drop() } else { gate() }
  }

  private func failWithoutRoute() {
    fail(
      "no_provider",
      "No model provider: register a request handler, or give the session a provider.")
  }

  /// Ends the turn before any call was let in.
  private func fail(_ mark: String, _ text: String) {
    failure = text
    guard let kind = try? CallMark(mark) else { return becomeIdle() }
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
    guard let fact = news.fact else { return }
    switch fact {
    case .callEnded(call, .dropped):
      isDropped = true
    case .exhaustionAnswered(let request, let answer):
      // It may come before the ledger's word that this is what the call waits for.
      self.answer = (request, answer)
      if state == .deciding, stop == nil { follow(answer) }
    case .messageAnswered(let message):
      guard message.turn == number, number > 0 else { return }
      response = SessionNarrator.events(of: news).first?.json
    case .callEnded, .usageRecorded:
      roomMayBeFree()
    case .resumed, .limitChanged, .modelChanged, .messageReceived, .callAdmitted, .callExtended,
      .turnEnded, .checkpointed, .exhaustionRequested, .warned, .optionIgnored, .failed, .aborted,
      .windowStarted, .closed, .deleted:
      break
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
      cut(because: "aborted")
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

  // MARK: The end

  func becomeIdle() {
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

  func text(of answer: Answer) -> String {
    guard case .failed(let failure) = answer else { return "the ledger gave no answer" }
    if case .text(let text) = CallFault(failure, Parameters(nil)) { return text }
    return "the session is gone"
  }

  /// What the sender has a right to at this moment, and perhaps not at the next.
  private func ask(_ command: SessionCommand, _ complete: @escaping (Answer) -> Void) {
    runtime.desk.submit(asked: Submission(.session(command), by: send.actor), complete)
  }

  func submit(
    _ command: SessionCommand, by actor: Actor? = nil, _ complete: @escaping (Answer) -> Void
  ) {
    runtime.desk.submit(Submission(.session(command), by: actor ?? send.actor), complete)
  }

  func setTimer(milliseconds: Int, _ body: @escaping () -> Void) {
    timer?.cancel()
    timer = try? runtime.loop.schedule(after: milliseconds, body)
  }
}

extension SessionResult {
  fileprivate var isAdmission: Bool { if case .admitted = self { true } else { false } }
}
