internal import Encodings
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Methods that start and stop turns, and those by which an application answers model calls itself.
extension MethodCall {
  func send() throws(CallFault) {
    let session = try existingSession()
    let send = try message(to: session, finish: nil)
    try take(send, in: session)
    answer { $0.member("messageId", send.message.description) }
  }

  func sendAndWait() throws(CallFault) {
    let session = try existingSession()
    let id = System.randomEntry()
    let send = try message(to: session, id: id) { end in
      switch end {
      case .idle(let completion, let response, let isAborted):
        answer { json in
          json.member("messageId", id.description)
          json.member("aborted", isAborted)
          if client.attachments[session.ref] != nil {
            json.member("completionEventId", completion)
          }
          json.name("response")
          if let response { json.raw(response) } else { json.null() }
        }
      case .failed(let text, let completion):
        let heard = client.attachments[session.ref] == nil ? nil : completion
        fail(.failed(method: method, text: text, completionEventID: heard))
      }
    }
    try take(send, in: session)
  }

  private func take(_ send: Send, in session: Session) throws(CallFault) {
    guard runtime.engine(of: session).enqueue(send) else {
      throw .text(
        "too many messages of the session are waiting for their turns, or the service is being stopped"
      )
    }
    noteIgnored(IgnoredOptions.ofMessage(parameters), in: session)
  }

  private func message(
    to session: Session, id: EntryID = System.randomEntry(), finish: ((TurnEnd) -> Void)?
  ) throws(CallFault) -> Send {
    guard session.phase == .open else {
      throw .text("the session was shut down; resume it first")
    }
    let attachments = try self.attachments()
    let prompt = try parameters.optionalText("prompt") ?? ""
    guard !prompt.isEmpty else {
      throw .text(
        attachments == nil
          ? "prompt must be a non-empty string"
          : "attachments are not supported: prompt must be a non-empty string")
    }
    return Send(
      message: id,
      text: MessageText(content: prompt, attachments: attachments ?? Array("[]".utf8)),
      headers: try HeaderList.read(parameters["requestHeaders"], "requestHeaders"),
      sender: client, identity: client.identity,
      address: SessionAddress(session.id, as: address, ref: session.ref), finish: finish)
  }

  /// The attachments as JSON; nil where there are none.
  private func attachments() throws(CallFault) -> [UInt8]? {
    guard let value = parameters["attachments"] else { return nil }
    guard value.kind == .array else { throw .text("attachments must be a list") }
    guard value.elements.allSatisfy({ $0.kind == .object }) else {
      throw .text("attachments must be a list of objects")
    }
    return value.count == 0 ? nil : value.sourceText
  }

  func abort() throws(CallFault) {
    let session = try existingSession()
    _ = try parameters.optionalText("reason")
    // Success also where nothing runs: then there is nothing to tell either.
    _ = runtime.engine(session.ref)?.abort()
    answerSuccess()
  }

  // MARK: Model calls that the application answers

  func setInferenceProvider() throws(CallFault) {
    client.answersModelCalls = true
    answerSuccess()
  }

  func responseStart() throws(CallFault) {
    let id = try parameters.requiredText("requestId")
    guard let status = try parameters.integer("status", in: 100...999) else {
      throw .text("status is required")
    }
    let call = client.modelCalls[id]
    answer { $0.member("accepted", call != nil) }
    let type = parameters["headers"]?.members.first { $0.name.lowercased() == "content-type" }?
      .value
    let text = type?.string ?? type?.elements.first { _ in true }?.string
    call?.begin(status: Int(status), contentType: text)
  }

  func responseChunk() throws(CallFault) {
    let id = try parameters.requiredText("requestId")
    let data = try parameters.optionalText("data") ?? ""
    let bytes: [UInt8]
    if try parameters.bool("binary") == true {
      guard let decoded = Base64.decodeLeniently(data.utf8) else {
        throw .text("data must be base64")
      }
      bytes = decoded
    } else {
      bytes = Array(data.utf8)
    }
    let isLast = try parameters.bool("end") ?? false
    let call = client.modelCalls[id]
    answer { $0.member("accepted", call != nil) }
    call?.take(bytes)
    if let error = parameters["error"] {
      call?.finish(failing: error["message"]?.string ?? "The request handler failed.")
    } else if isLast {
      call?.finish(failing: nil)
    }
  }
}
