internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Session budgets over HTTP (contract session-limits, section 6).
extension QuotaAPI {
  private static let maximumSessionBodyByteCount = 64 << 10

  func bodyLimit(for path: SessionPath) -> Int { Self.maximumSessionBodyByteCount }

  /// Rights and method of a request, before the body is looked at.
  func admit(_ request: HTTPRequest, to path: SessionPath) throws(EarlyAnswer) -> Caller {
    let caller: Caller
    do {
      caller = try self.caller(of: request)
    } catch {
      if case .unavailable(let reason) = error {
        throw EarlyAnswer(Problem(503, "unavailable", reason).errorResponse)
      }
      throw EarlyAnswer(Problem(401, "unauthenticated", error.text).errorResponse)
    }
    if path == .unknown {
      throw EarlyAnswer(Problem(404, "not_found", "there is nothing here").errorResponse)
    }
    guard path.allows(request.method) else {
      throw EarlyAnswer(
        Problem(405, "method", "\(request.methodText) is not possible here: \(path.allow)")
          .errorResponse)
    }
    guard request.method == .options || caller.mayUse(path, request.method) else {
      throw EarlyAnswer(
        Problem(403, "forbidden", "the role \(caller.role.name) may not do this").errorResponse)
    }
    return caller
  }

  func answer(
    _ request: HTTPRequest, at path: SessionPath, from caller: Caller, _ reply: ReplyHandle
  ) -> HTTPResponse? {
    let call = SessionCall(request: request, caller: caller, reply: reply)
    do throws(Problem) {
      switch (path, request.method) {
      case (_, .options): return HTTPResponse(status: 204)
      case (.sessions, .post): return try startSession(call)
      case (.sessions, _): return try sessions(call)
      case (.session(let id), .patch): return try changeSession(id, call)
      case (.session(let id), .delete): return try deleteSession(id, call)
      case (.session(let id), _): return try session(id, call)
      case (.action(.resume, let id), _): return try resumeSession(id, call)
      case (.action(.check, let id), _): return try checkCall(in: id, call)
      case (.action(.usage, let id), _): return try recordUsage(of: id, call)
      case (.action(.clear, let id), _): return try clearSession(id, call)
      case (.exhaustion(let id, let question), _): return try answer(question, in: id, call)
      case (.events(let id), _): return try sessionEvents(of: id, call)
      case (.budget(let id), .put): return try setBudget(id, call)
      case (.budget(let id), _): return try budget(id, call)
      case (.unknown, _): return Problem(404, "not_found", "there is nothing here").errorResponse
      }
    } catch {
      return error.errorResponse
    }
  }

  /// The body's members; a body may be left out where all of them may.
  func sessionBody(_ request: HTTPRequest, isOptional: Bool = false) throws(Problem) -> SessionBody
  {
    if isOptional && request.body.isEmpty { return SessionBody(nil) }
    return SessionBody(try object(request))
  }

  /// Sends a command; `respond` gets its answer unless it failed.
  func submit(
    _ command: SessionCommand, _ call: SessionCall, _ respond: @escaping (Answer) -> HTTPResponse
  ) {
    submit(Submission(.session(command), by: call.caller.actor), for: call.request, call.reply) {
      Self.response(to: $0, respond)
    }
  }

  /// The same for a command of which the ledger cannot tell a repetition: under an `Idempotency-Key`
  /// it is sent once, and every repetition is answered as the first one was.
  func submitOnce(
    _ command: SessionCommand, _ call: SessionCall, _ respond: @escaping (Answer) -> HTTPResponse
  ) throws(Problem) -> HTTPResponse? {
    guard let key = try call.idempotencyKey() else {
      submit(command, call, respond)
      return nil
    }
    let request = RepeatedRequests.Key(
      caller: call.caller.user, path: call.request.path, key: key)
    let course = try repeatedRequests.course(of: request, call.request.body) {
      [unowned self] response in
      server?.complete(call.reply, finish(response, for: call.request))
    }
    switch course {
    case .answer(let response): return response
    case .wait: return nil
    case .send:
      submit(Submission(.session(command), by: call.caller.actor)) { [unowned self] answer in
        let isFailure = if case .failed = answer { true } else { false }
        let response = Self.response(to: answer, respond)
        let waiting = repeatedRequests.end(request, with: response, isKept: !isFailure)
        for complete in waiting { complete(response) }
      }
      return nil
    }
  }

  private static func response(
    to answer: Answer, _ respond: (Answer) -> HTTPResponse
  ) -> HTTPResponse {
    if case .failed(let failure) = answer { return Problem(failure).errorResponse }
    return respond(answer)
  }
}

/// A request about sessions, who sends it, and where its answer goes.
struct SessionCall {
  let request: HTTPRequest
  let caller: Caller
  let reply: ReplyHandle

  /// The session that a path names. An id that none can have is one that nobody has.
  func address(_ text: String) throws(Problem) -> SessionAddress {
    guard let id = try? SessionID(text) else { throw .unknownSession }
    return SessionAddress(id, as: caller.sessionViewer)
  }

  func idempotencyKey() throws(Problem) -> StepID? {
    guard let key = request.idempotencyKey else { return nil }
    do { return try StepID(key) } catch {
      throw .invalid("Idempotency-Key", error.description)
    }
  }
}

/// See the decision "Who may do what with sessions over HTTP".
extension Caller {
  /// Whose sessions exist for the caller.
  var sessionViewer: SessionViewer { role == .user ? .user(user) : .everybody }

  fileprivate func mayUse(_ path: SessionPath, _ method: HTTPMethod) -> Bool {
    if method == .get || method == .head { return true }
    if case .budget = path { return role.mayRecordUsage }
    return role.mayChangeSessions
  }
}

extension Answer {
  /// The session as it is after a command, and what came of it.
  var ofSession: SessionAnswer? { if case .session(let answer) = self { answer } else { nil } }
}

extension HTTPResponse {
  /// A session's document, where the ledger gave one.
  static func session(_ answer: Answer, status: Int = 200) -> HTTPResponse {
    guard let session = answer.ofSession?.session else { return .unexpectedInSession }
    return .json(status) { $0.session(session) }
  }

  static var unexpectedInSession: HTTPResponse {
    Problem(500, "internal", "the ledger gave an answer that does not fit").errorResponse
  }
}
