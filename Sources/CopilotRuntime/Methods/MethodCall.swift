internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// A request on its way through one method; answered exactly once.
struct MethodCall {
  let request: RPCRequest
  let client: RuntimeClient
  let parameters: Parameters

  init(_ request: RPCRequest, of client: RuntimeClient) {
    self.request = request
    self.client = client
    parameters = Parameters(request.call.params)
  }

  var runtime: CopilotRuntime { client.runtime }
  var method: String { request.method }

  /// Carries the method out, or says why not.
  func run() {
    do throws(RPCError) {
      let known = Self.table[method]
      if method != "connect" { try requireConnection(for: known) }
      guard let known else { throw .unhandledMethod(method) }
      do throws(CallFault) {
        try known.body(self)()
      } catch {
        throw error.error(of: method)
      }
    } catch {
      fail(error)
    }
  }

  /// Goes on in a later turn of the loop than the request came, where the client may still ask for it.
  func goOn(_ body: () -> Void) {
    do throws(RPCError) { try requireConnection(for: Self.table[method]) } catch {
      return fail(error)
    }
    body()
  }

  /// Goes on as soon as nothing runs in a session any more, which may take as long as a model does.
  func whenStopped(_ session: Session, _ body: @escaping () -> Void) {
    runtime.engine(of: session).whenStopped { goOn(body) }
  }

  func fail(_ error: RPCError) { client.connection.answer(request.key, error) }

  func fail(_ text: String) { fail(.failed(method: method, text: text)) }

  func answer(_ write: (inout JSONWriter) -> Void) {
    var json = JSONWriter()
    json.beginObject()
    write(&json)
    json.endObject()
    client.connection.answer(request.key, result: json.take())
  }

  func answerSuccess(_ isSuccess: Bool = true) {
    answer { $0.member("success", isSuccess) }
  }

  /// Asks the ledger something about a session; failures become the request's answer, but for one
  /// that a method may have an answer of its own for.
  func submit(
    _ command: SessionCommand, _ complete: @escaping (SessionAnswer) -> Void,
    unknown: (() -> Void)? = nil
  ) {
    let actor = client.identity?.actor ?? .service
    let submission = Submission(.session(command), by: actor)
    runtime.desk.submit(asked: submission) { answer in
      switch answer.ofSession {
      case .success(let answer)?: complete(answer)
      case .failure(.unknownSession)? where unknown != nil: unknown?()
      case .failure(let failure)?: fail(failure)
      case nil: failOddly()
      }
    }
  }

  func fail(_ failure: CommandFailure) { fail(CallFault(failure, parameters).error(of: method)) }

  func failOddly() { fail("the ledger gave an answer of another kind") }

  private func requireConnection(for known: Method?) throws(RPCError) {
    guard let identity = client.identity else { throw .connectRequired }
    guard let token = identity.token else { return }
    guard case .user(_, let role, _) = try? runtime.hub.queries.identify(token, at: runtime.clock())
    else { throw .authenticationFailed }
    guard known?.access == .changing, !role.mayChangeSessions else { return }
    // A session that the caller does not see does not exist, whatever the role.
    if method != "session.create", parameters.text("sessionId") != nil {
      do throws(CallFault) { _ = try existingSession() } catch { throw error.error(of: method) }
    }
    throw .failed(method: method, text: "the role \(role.name) may not do this")
  }
}

extension MethodCall {
  /// A method, and what it takes to call it.
  struct Method: Sendable {
    enum Access { case reading, changing }

    let access: Access
    let body: @Sendable (MethodCall) -> () throws(CallFault) -> Void
  }

  private static func reads(
    _ body: @escaping @Sendable (MethodCall) -> () throws(CallFault) -> Void
  ) -> Method { Method(access: .reading, body: body) }

  /// For roles that may change sessions.
  private static func changes(
    _ body: @escaping @Sendable (MethodCall) -> () throws(CallFault) -> Void
  ) -> Method { Method(access: .changing, body: body) }

  static let table: [String: Method] = [
    "connect": reads(connect),
    "ping": reads(ping),
    "status.get": reads(status),
    "auth.getStatus": reads(authStatus),
    "models.list": reads(listModels),
    "account.getQuota": reads(quota),
    // Says what a client could do; whoever may attach to no session is never asked.
    "llmInference.setProvider": reads(setInferenceProvider),
    "llmInference.httpResponseStart": changes(responseStart),
    "llmInference.httpResponseChunk": changes(responseChunk),
    "session.create": changes(create),
    "session.resume": changes(resume),
    "session.send": changes(send),
    "session.sendAndWait": changes(sendAndWait),
    "session.abort": changes(abort),
    "session.options.update": changes(updateOptions),
    "session.model.switchTo": changes(switchModel),
    "session.model.getCurrent": reads(currentModel),
    "session.ui.handlePendingSessionLimitsExhausted": changes(answerExhaustion),
    "session.eventLog.registerInterest": changes(registerInterest),
    "session.eventLog.releaseInterest": reads(releaseInterest),
    "session.eventLog.read": reads(readEvents),
    "session.eventLog.tail": reads(tailEvents),
    "session.getMessages": reads(messages),
    "session.usage.getMetrics": reads(metrics),
    "session.metadata.snapshot": reads(snapshot),
    "session.list": reads(listSessions),
    "session.getMetadata": reads(metadata),
    "session.getLastId": reads(lastID),
    "session.getForeground": reads(foreground),
    "session.detach": reads(detach),
    "session.destroy": changes(destroy),
    "session.delete": changes(delete),
    "session.commands.execute": changes(executeCommand),
    "plugins.builtin.set": reads(acceptPlugins),
    "sessionFs.setProvider": reads(acceptSetting),
    "runtime.shutdown": reads(shutDown),
  ]
}

extension Answer {
  /// What a command about a session led to; nil for what only others lead to.
  var ofSession: Result<SessionAnswer, CommandFailure>? {
    switch self {
    case .session(let answer): .success(answer)
    case .failed(let failure): .failure(failure)
    case .recorded, .unchanged, .granted, .held, .refused, .settled, .extended, .budget: nil
    }
  }
}

/// Why a call of a known method fails.
enum CallFault: Error {
  case text(String)
  case error(RPCError)
  case noSession(String)

  func error(of method: String) -> RPCError {
    switch self {
    case .text(let text): .failed(method: method, text: text)
    case .error(let error): error
    case .noSession(let id): .sessionNotFound(id, method: method)
    }
  }

  init(_ failure: CommandFailure, _ parameters: Parameters) {
    let id = parameters.text("sessionId") ?? ""
    switch failure {
    case .unknownSession: self = .noSession(id)
    case .sessionOfAnother: self = .error(.invalidSessionID(id))
    case .sessionClosed: self = .text("the session was shut down; resume it first")
    case .callInFlight: self = .text("a model call is under way; wait for its end or abort it")
    case .tooManyCalls: self = .text("as many model calls are under way as may be; wait for one")
    case .sessionConflict(let member): self = .text("the session was begun with another \(member)")
    case .unknownBudget: self = .text("the shared budget of the session does not exist")
    case .answerNotYours:
      self = .text("the budget is shared by several sessions: a session can only cancel")
    case .creditsOverflow: self = .text("the sum exceeds 9223372036.854775807 AI credits")
    case .unknownUser: self = .text("the user of the session is not active")
    case .overflow: self = .text("the user's total would exceed 9223372036854775807 tokens")
    case .requestConflict(let member, _):
      self = .text("the same id was used with another \(member)")
    case .unavailable(let reason): self = .text("quotalog takes no writes at the moment: \(reason)")
    // What no command about a session leads to.
    case .userErased, .userExists, .nameTaken, .nameRefused, .lastStaff, .tokenExists,
      .unknownToken, .inTheFuture, .unknownHold, .foreignHold, .holdEnded, .unknownEvent,
      .foreignEvent, .notCorrectable, .unlimited, .unknownSchedule, .notInTheFuture, .tooLate,
      .sessionOfAnotherUser:
      self = .text("\(failure)")
    }
  }
}
