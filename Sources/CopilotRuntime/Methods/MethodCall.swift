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
      if method != "connect" { try requireConnection() }
      guard let body = Self.table[method] else { throw .unhandledMethod(method) }
      do throws(CallFault) {
        try body(self)()
      } catch {
        throw error.error(of: method)
      }
    } catch {
      fail(error)
    }
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
    runtime.desk.submit(submission) { answer in
      switch answer {
      case .session(let answer): complete(answer)
      case .failed(.unknownSession) where unknown != nil: unknown?()
      case .failed(let failure): fail(CallFault(failure, parameters).error(of: method))
      default: fail("the ledger gave an answer of another kind")
      }
    }
  }

  private func requireConnection() throws(RPCError) {
    guard let identity = client.identity else { throw .connectRequired }
    guard let token = identity.token else { return }
    guard case .user = try? runtime.hub.queries.identify(token, at: runtime.clock()) else {
      throw .authenticationFailed
    }
  }
}

extension MethodCall {
  typealias Body = @Sendable (MethodCall) -> () throws(CallFault) -> Void

  static let table: [String: Body] = [
    "connect": connect,
    "ping": ping,
    "status.get": status,
    "auth.getStatus": authStatus,
    "models.list": listModels,
    "account.getQuota": quota,
    "llmInference.setProvider": setInferenceProvider,
    "llmInference.httpResponseStart": responseStart,
    "llmInference.httpResponseChunk": responseChunk,
    "session.create": create,
    "session.resume": resume,
    "session.send": send,
    "session.sendAndWait": sendAndWait,
    "session.abort": abort,
    "session.options.update": updateOptions,
    "session.ui.handlePendingSessionLimitsExhausted": answerExhaustion,
    "session.eventLog.registerInterest": registerInterest,
    "session.eventLog.releaseInterest": releaseInterest,
    "session.eventLog.read": readEvents,
    "session.eventLog.tail": tailEvents,
    "session.getMessages": messages,
    "session.usage.getMetrics": metrics,
    "session.metadata.snapshot": snapshot,
    "session.list": listSessions,
    "session.getMetadata": metadata,
    "session.getLastId": lastID,
    "session.getForeground": foreground,
    "session.detach": detach,
    "session.destroy": destroy,
    "session.delete": delete,
    "session.commands.execute": executeCommand,
    "plugins.builtin.set": acceptSetting,
    "sessionFs.setProvider": acceptSetting,
    "runtime.shutdown": shutDown,
  ]
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
    case .unknownBudget: self = .text("the shared budget of the session does not exist")
    case .answerNotYours:
      self = .text("the budget is shared by several sessions: a session can only cancel")
    case .creditsOverflow: self = .text("the sum exceeds 9223372036.854775807 AI credits")
    case .unknownUser: self = .text("the user of the session is not active")
    case .overflow: self = .text("the user's total would exceed 9223372036854775807 tokens")
    case .requestConflict(let member, _):
      self = .text("the same id was used with another \(member)")
    case .unavailable(let reason): self = .text("quotalog takes no writes at the moment: \(reason)")
    default: self = .text("\(failure)")
    }
  }
}
