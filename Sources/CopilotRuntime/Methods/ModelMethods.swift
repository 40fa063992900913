internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Methods about the model of a session.
extension MethodCall {
  func switchModel() throws(CallFault) {
    let address = try sessionAddress()
    guard let model = try parameters.model("modelId") else { throw .text("modelId is required") }
    let session = try existingSession()
    submit(.setModel(address, model)) { _ in
      noteIgnored(IgnoredOptions.ofSwitch(parameters), in: session)
      answer { $0.member("modelId", model.description) }
    }
  }

  func currentModel() throws(CallFault) {
    let session = try existingSession()
    answer { if let model = session.model { $0.member("modelId", model.description) } }
  }

  /// Has the session tell its people, once, what they asked for in vain.
  func noteIgnored(_ names: [CallMark], in session: Session) {
    let news = names.filter { !session.ignoredOptions.contains($0) }
    guard !news.isEmpty else { return }
    let address = SessionAddress(session.id, as: address, ref: session.ref)
    let command = Command.session(.noteIgnored(address, news))
    let actor = client.identity?.actor ?? .service
    runtime.desk.submit(asked: Submission(command, by: actor)) { _ in }
  }
}
