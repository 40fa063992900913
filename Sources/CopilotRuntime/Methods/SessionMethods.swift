internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Methods that begin, take up, change and end sessions.
extension MethodCall {
  var address: SessionViewer { client.identity?.viewer ?? .everybody }

  /// The session that the call is about, as the caller may see it.
  func existingSession() throws(CallFault) -> Session {
    let id = try parameters.sessionID()
    do throws(StoreFailure) {
      let session = try runtime.hub.queries.session(SessionAddress(id, as: address))
      if let session { return session }
    } catch {
      throw .text(error.description)
    }
    throw .noSession(id.description)
  }

  func sessionAddress() throws(CallFault) -> SessionAddress {
    SessionAddress(try parameters.sessionID(), as: address)
  }

  func create() throws(CallFault) {
    let opening = try sessionOpening()
    let options = try TurnOptions(parameters, isLocal: client.isLocal)
    try refuseUnusableProviders()
    submit(.start(opening)) { answer in
      let session = answer.session
      defer { noteIgnored(IgnoredOptions.ofSession(parameters), in: session) }
      take(options, for: session)
      if answer.result == .existed {
        runtime.attach(client, to: session)
        self.answer(with: session)
        repeatOpenRequest(of: session)
      } else {
        self.answer(with: session)
        tellBeginning(of: session)
      }
    }
  }

  /// What has been recorded is told to whoever asked for it; but nobody's model is used from now on who
  /// may not say so any more.
  private func take(_ options: TurnOptions, for session: Session) {
    guard runtime.mayChange(client.identity) else { return }
    runtime.engine(of: session).take(options)
  }

  /// Named providers are not read: a session that has no other way to a model would never work.
  private func refuseUnusableProviders() throws(CallFault) {
    guard let providers = parameters["providers"], providers.kind == .array, providers.count > 0,
      parameters["provider"] == nil, !client.answersModelCalls
    else { return }
    throw .text("providers is not supported; give the session one provider")
  }

  private func sessionOpening() throws(CallFault) -> SessionOpening {
    let limit = try parameters.sessionLimits(minimum: runtime.settings.minimumLimit)
    let user = client.identity?.user
    return SessionOpening(
      id: try newSessionID(), user: user, viewer: address, limit: limit,
      model: try parameters.model(), budget: user.flatMap { runtime.settings.budgetsOfUsers[$0] },
      text: SessionText(
        workingDirectory: try parameters.optionalText("workingDirectory"),
        systemMessage: try parameters.systemMessage()
      ).bytes, whenItExists: .attach)
  }

  private func newSessionID() throws(CallFault) -> SessionID {
    guard let text = try parameters.optionalText("sessionId") else {
      guard let id = try? SessionID(System.randomEntry().description) else {
        throw .text("no session id could be made")
      }
      return id
    }
    guard let id = try? SessionID(text) else { throw .error(.invalidSessionID(text)) }
    return id
  }

  private func answer(with session: Session) {
    answer { json in
      json.member("sessionId", session.id.description)
      json.nullMember("workspacePath")
      json.name("capabilities")
      json.beginObject()
      json.name("ui")
      json.beginObject()
      json.member("elicitation", false)
      json.member("mcpApps", false)
      json.endObject()
      json.member("extensions", false)
      json.endObject()
    }
  }

  /// The first events come behind the answer of `session.create` (contract, 4.5).
  private func tellBeginning(of session: Session) {
    let id = session.id.description
    guard let page = try? runtime.hub.history(of: session.ref, after: nil, limit: 1000) else {
      return runtime.attach(client, to: session)
    }
    for event in page.events { client.send(event.json, of: id) }
    runtime.attach(client, to: session, behind: page.seen)
  }

  /// Whoever attaches while a question is open is told of it once.
  private func repeatOpenRequest(of session: Session) {
    let current = runtime.engine(session.ref)?.session ?? session
    guard let request = current.request else { return }
    let event = ClientEvent.requested(request, in: current, at: runtime.hub.moment)
    client.send(event.json, of: session.id.description)
  }

  func resume() throws(CallFault) {
    let session = try existingSession()
    let options = try TurnOptions(parameters, isLocal: client.isLocal)
    try refuseUnusableProviders()
    let address = SessionAddress(session.id, as: address, ref: session.ref)
    let disabled = try parameters.bool("disableResume")
    let suppressed = try parameters.bool("suppressResumeEvent")
    let resumption = SessionResumption(
      limit: try parameters.sessionLimits(minimum: runtime.settings.minimumLimit),
      model: try parameters.model(), wasActive: runtime.hub.hasSubscribers(session.ref),
      isSilent: (disabled ?? suppressed) == true)
    // What the call causes is told before its answer, so that it has to listen already.
    let wasAttached = client.attachments[session.ref] != nil
    runtime.attach(client, to: session)
    client.attachments[session.ref]?.resumptionCount += 1
    let actor = client.identity?.actor ?? .service
    let command = Command.session(.resume(address, resumption))
    runtime.desk.submit(asked: Submission(command, by: actor)) { answer in
      client.attachments[session.ref]?.resumptionCount -= 1
      switch answer.ofSession {
      case .success(let answer)?:
        take(options, for: answer.session)
        self.answer(with: answer.session)
        noteIgnored(IgnoredOptions.ofSession(parameters), in: answer.session)
        if !wasAttached { repeatOpenRequest(of: answer.session) }
      case .failure(let failure)?:
        if !wasAttached || failure == .unknownSession {
          runtime.detach(client, from: session.ref)
        }
        fail(failure)
      case nil: failOddly()
      }
    }
  }

  func updateOptions() throws(CallFault) {
    let address = try sessionAddress()
    let update = try parameters.sessionLimits(minimum: runtime.settings.minimumLimit)
    let model = try parameters.model()
    let session = try existingSession()
    let finish = {
      noteIgnored(IgnoredOptions.ofUpdate(parameters), in: session)
      answerSuccess()
    }
    if let model {
      submit(.setModel(address, model)) { _ in if update == .keep { finish() } }
    }
    guard update != .keep else {
      if model == nil { finish() }
      return
    }
    submit(.setLimit(address, update, change: changeID)) { _ in finish() }
  }

  /// Every request is a change of its own: an SDK does not repeat them.
  private var changeID: StepID { StepID(own: System.randomEntry()) }

  func answerExhaustion() throws(CallFault) {
    let address = try sessionAddress()
    let request = try parameters.requiredText("requestId")
    let answer = try parameters.exhaustionAnswer(minimum: runtime.settings.minimumLimit)
    _ = try existingSession()
    submit(.answer(address, request: request, answer)) {
      answerSuccess($0.result != .tooLate)
    }
  }

  func registerInterest() throws(CallFault) {
    let session = try existingSession()
    let type = try parameters.requiredText("eventType")
    let handle = System.randomEntry().description
    let counts = type == "session_limits_exhausted.requested"
    client.interests[handle] = RuntimeClient.Interest(
      session: session.ref, id: counts ? runtime.hub.registerInterest(in: session.ref) : nil)
    answer { $0.member("handle", handle) }
  }

  func releaseInterest() throws(CallFault) {
    let handle = try parameters.requiredText("handle")
    answerSuccess()
    guard let id = client.interests.removeValue(forKey: handle)?.id else { return }
    runtime.hub.releaseInterest(id)
  }

  // MARK: Ending

  func detach() throws(CallFault) {
    let id = try parameters.sessionID()
    if let session = try? existingSession() {
      runtime.detach(client, from: session.ref)
    } else if let ref = client.attachments.keys.first(where: {
      runtime.engine($0)?.session.id == id
    }) {
      runtime.detach(client, from: ref)
    }
    answerSuccess()
  }

  /// Older SDKs end a session for everybody by this.
  func destroy() throws(CallFault) {
    guard let id = try? parameters.sessionID(),
      let session = try? runtime.hub.queries.session(SessionAddress(id, as: address))
    else { return answerSuccess() }
    let address = SessionAddress(id, as: address, ref: session.ref)
    whenStopped(session) {
      submit(.close(address, .routine)) { answer in
        answerSuccess()
        runtime.detachAll(from: session.ref)
      } unknown: {
        answerSuccess()
      }
    }
  }

  func delete() throws(CallFault) {
    let text = try parameters.requiredText("sessionId")
    guard let id = try? SessionID(text),
      let session = try? runtime.hub.queries.session(SessionAddress(id, as: address))
    else { return answerUnknown(text) }
    let address = SessionAddress(id, as: address, ref: session.ref)
    whenStopped(session) {
      submit(.delete(address)) { _ in
        answerSuccess()
      } unknown: {
        answerUnknown(text)
      }
    }
  }

  private func answerUnknown(_ id: String) {
    answer {
      $0.member("success", false)
      $0.member("error", "Session not found: \(id)")
    }
  }

  func executeCommand() throws(CallFault) {
    let name = try parameters.requiredText("commandName")
    let address = try sessionAddress()
    let session = try existingSession()
    guard name == "clear" else {
      return answer { $0.member("error", "Unknown command: \(name)") }
    }
    if runtime.engine(session.ref)?.isCalling == true {
      return answer {
        $0.member("error", "a model call is under way; wait for its end or abort it")
      }
    }
    let actor = client.identity?.actor ?? .service
    runtime.desk.submit(asked: Submission(.session(.clear(address)), by: actor)) { reply in
      if case .failed(let failure) = reply, failure == .callInFlight {
        answer { $0.member("error", "a model call is under way; wait for its end or abort it") }
      } else if case .failed(let failure) = reply {
        fail(CallFault(failure, parameters).error(of: method))
      } else {
        answer { _ in }
      }
    }
  }
}

extension Parameters {
  /// `{content}` or a text.
  func systemMessage() throws(CallFault) -> String? {
    guard let value = self["systemMessage"] else { return nil }
    if let text = value.string { return text }
    guard value.kind == .object else { throw .text("systemMessage must be an object") }
    guard let content = value["content"], content.kind != .null else { return nil }
    guard let text = content.string else { throw .text("systemMessage.content must be a string") }
    return text
  }

  /// The answer to an open question; amounts that do not belong to the action are not looked at.
  func exhaustionAnswer(minimum: NanoCredits) throws(CallFault) -> ExhaustionAnswer {
    guard let response = self["response"], response.kind == .object else {
      throw .text("response must be an object")
    }
    switch response["action"]?.string {
    case "add":
      return .add(
        try Self.credits(response["additionalAiCredits"], "response.additionalAiCredits"))
    case "set":
      return .set(
        try Self.cap(response["maxAiCredits"], "response.maxAiCredits", minimum: minimum))
    case "unset": return .unset
    case "cancel": return .cancel
    default: throw .text("response.action must be one of add, set, unset, cancel")
    }
  }
}
