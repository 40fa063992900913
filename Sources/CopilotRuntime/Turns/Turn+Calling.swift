internal import ChatCompletions
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// The model call of a turn: what the gate is asked, the call itself, and what is recorded of it.
extension Turn {
  /// Beyond the time that a call may take: it ends by itself, and records what it used.
  private static let reservationMarginSeconds: Int64 = 60

  /// What the gate is asked; what the call may cost follows from what it would say now.
  func callRequest() throws(StoreFailure) -> CallRequest {
    let plan = try currentPlan()
    let settings = runtime.settings
    var request = CallRequest(
      call: call, estimate: plan.bound, fallback: settings.fallbackReservation,
      timeToLiveSeconds: max(
        settings.reservationSeconds, settings.callTimeoutSeconds + Self.reservationMarginSeconds),
      model: plan.model.name, isUnpriced: plan.model.price == nil,
      refusesUnpriced: settings.refusesUnknownCost,
      turn: CallRequest.Turn(isAnswerable: runtime.hub.hasInterest(session.ref)))
    request.inputCost = plan.inputCost
    return request
  }

  /// The call as it would go out now. A turn that waits asks often, and little changes meanwhile.
  private func currentPlan() throws(StoreFailure) -> ModelCallPlan {
    if let plan, plan.fits(engine) { return plan }
    let plan = try ModelCallPlan(answering: send, engine)
    self.plan = plan
    return plan
  }

  func callModel() {
    state = .calling
    // The right may have gone behind the decision.
    if stop == nil, !runtime.mayChange(send.identity) { stop = .byEnding }
    if stop != nil { return end(nil) }
    let plan: ModelCallPlan
    do throws(StoreFailure) {
      plan = try currentPlan()
    } catch {
      return end(
        CallResult(reach: .notSent, failure: "the conversation cannot be read: \(error)"))
    }
    showContext(plan)
    let progress = CallProgress(startedAt: runtime.clock()) { [weak self] in self?.showDelta($0) }
    self.progress = progress
    clock = CallClock(on: runtime.loop, runtime.settings) { [weak self] in self?.cut(because: $0) }
    modelCall = ModelRoute.start(plan.body, send, engine) { [weak self] in self?.modelSaid($0) }
    if modelCall == nil {
      let text = "No model provider is connected any more."
      end(CallResult(reach: .notSent, failure: text))
    }
  }

  private func modelSaid(_ event: ModelCallEvent) {
    guard state == .calling, let progress else { return }
    clock?.noteByte()
    switch event {
    case .head(let status, let contentType): progress.begin(status: status, contentType)
    case .body(let bytes): progress.read(bytes)
    case .end: end(progress.finish())
    case .failed(let text, let isSent): end(progress.finish(cutBecause: text, isSent: isSent))
    }
  }

  /// Gives the call up; what it may have cost is recorded.
  func cut(because text: String) {
    guard state == .calling else { return }
    let isSent = modelCall?.isSent ?? false
    modelCall?.cancel()
    end(progress?.finish(cutBecause: text, isSent: isSent))
  }

  private func showContext(_ plan: ModelCallPlan) {
    runtime.hub.show("session.usage_info", in: session) {
      $0.member("tokenLimit", plan.model.bounds?.contextTokens.rawValue ?? 128_000)
      // Four bytes a token: only the model knows better, and says so afterwards.
      $0.member("currentTokens", (plan.contentByteCount + 3) / 4)
      $0.member("messagesLength", plan.messageCount)
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
    clock?.stop()
    var outcome = CallOutcome(call: call, turn: number, end: stop == nil ? .failed : .aborted)
    outcome.isAborted = stop == .byAbort
    if let result { fill(&outcome, from: result) }
    plan = nil
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
    let model = plan?.model ?? engine.servedModel
    outcome.usage = result.usage(of: call, model, runtime)
    if let text = result.text, let progress {
      outcome.message = (id: progress.message, text: Array(text.utf8))
    }
    guard let text = result.failure, stop == nil, let kind = try? CallMark("model_call") else {
      return
    }
    // A server may repeat anything of the request.
    let secrets = Secrets(
      headers: (engine.provider?.headers ?? []) + send.headers,
      others: engine.provider?.secrets ?? [])
    let told = secrets.removed(from: text)
    failure = told
    let error = SessionError(kind: kind, statusCode: result.statusCode)
    outcome.error = (error: error, text: Array(told.utf8))
  }
}
