internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

/// Our own API below `/v1/`.
extension QuotaAPI {
  /// Bodies of batches; everything else is small.
  private static let maximumBatchByteCount = 16 << 20
  private static let maximumBodyByteCount = 64 << 10

  func bodyLimit(for path: NativePath) -> Int {
    path == .usage ? Self.maximumBatchByteCount : Self.maximumBodyByteCount
  }

  /// Who asks, or why nobody is known who does.
  func knownCaller(of request: HTTPRequest) throws(EarlyAnswer) -> Caller {
    do {
      return try caller(of: request)
    } catch {
      if case .unavailable(let reason) = error {
        throw EarlyAnswer(Problem(503, "unavailable", reason).response)
      }
      throw EarlyAnswer(Problem(401, "unauthenticated", error.text).response)
    }
  }

  /// Rights and method of a request, before the body is looked at.
  func admit(_ request: HTTPRequest, to path: NativePath) throws(EarlyAnswer) -> Caller {
    let caller = try knownCaller(of: request)
    guard path.allows(request.method) else {
      throw EarlyAnswer(
        Problem(405, "method", "\(request.methodText) is not possible here: \(path.allow)")
          .response)
    }
    guard request.method == .options || mayUse(path, request.method, caller) else {
      throw EarlyAnswer(
        Problem(403, "forbidden", "the role \(caller.role.name) may not do this").response)
    }
    return caller
  }

  func answer(
    _ request: HTTPRequest, at path: NativePath, from caller: Caller, _ reply: ReplyHandle
  ) -> HTTPResponse? {
    do throws(Problem) {
      switch (path, request.method) {
      case (_, .options): return HTTPResponse(status: 204)
      case (.usage, _): return try recordUsage(request, caller, reply)
      case (.userUsage(let user), _): return try usage(of: user, request, caller, reply)
      case (.userExplain(let user), _): return try explain(user, request, caller, reply)
      case (.userLimits(let user), .get), (.userLimits(let user), .head):
        return try limits(of: user, request, caller, reply)
      case (.userLimits(let user), _): return try setLimits(of: user, request, caller, reply)
      case (.defaults, .put): return try setDefaults(request, caller, reply)
      case (.defaults, _): return try defaults(request, caller, reply)
      case (.users, .post): return try addUser(request, caller, reply)
      case (.users, _): return try users(request, caller, reply)
      case (.user(let user), .patch): return try changeUser(user, request, caller, reply)
      case (.user(let user), .delete): return try eraseUser(user, request, caller, reply)
      case (.user(let user), _): return try self.user(user)
      case (.userTokens(let user), _): return try issueToken(to: user, request, caller, reply)
      case (.userToken(let user, let token), _):
        return try revokeToken(token, of: user, request, caller, reply)
      case (.events, _): return try events(request, caller, reply)
      case (.webhooks, _): return try webhooks()
      case (.eventStream, _): return try eventStream(request, caller, reply)
      case (.consumers, _): return try consumers()
      case (.consumer(let name), .put): return try keepConsumer(name, request, caller, reply)
      case (.consumer(let name), .delete): return try removeConsumer(name, request, caller, reply)
      case (.consumer(let name), _): return try consumer(name)
      case (.check, _): return try check(request, caller, reply)
      case (.holds, _): return try hold(request, caller, reply)
      case (.hold(let hold), _): return try self.hold(hold, caller)
      case (.corrections, _): return try correct(request, caller, reply)
      case (.schedules, _): return try schedules(request, caller, reply)
      case (.schedule(let schedule), _):
        return try cancelSchedule(schedule, request, caller, reply)
      case (.userAllowances(let user), _): return try allow(user, request, caller, reply)
      case (.holdEnd(let hold, let action), _):
        return try end(hold, action, request, caller, reply)
      }
    } catch {
      return error.response
    }
  }

  private func mayUse(_ path: NativePath, _ method: HTTPMethod, _ caller: Caller) -> Bool {
    switch path {
    case .usage, .check, .holds, .holdEnd, .corrections: caller.role.mayRecordUsage
    case .hold: caller.role.mayRecordUsage || caller.role.mayReadEvents
    case .userAllowances: caller.role.maySetQuotas
    case .schedules, .schedule:
      method == .delete
        ? caller.role.maySetQuotas : caller.role.maySetQuotas || caller.role.mayReadEvents
    case .userUsage(let user), .userExplain(let user):
      caller.role.mayReadAnyUsage || isSelf(user, caller)
    case .userLimits(let user):
      method == .patch
        ? caller.role.maySetQuotas : caller.role.mayReadAnyUsage || isSelf(user, caller)
    case .defaults: method == .put ? caller.role.mayManageUsers : caller.role.mayReadAnyUsage
    case .users, .user:
      method == .get || method == .head
        ? caller.role.mayManageUsers || caller.role.mayReadEvents || caller.role.maySetQuotas
        : caller.role.mayManageUsers
    case .userTokens, .userToken: caller.role.mayManageUsers
    case .events, .webhooks, .eventStream, .consumers, .consumer: caller.role.mayReadEvents
    }
  }

  /// Whether a request is about whoever sends it: the user that it names is looked up as it is looked up to
  /// be answered, and users are compared, never names.
  func isSelf(_ text: String, _ caller: Caller) -> Bool {
    let named = (try? queries.user(UserReference(text))) ?? nil
    return named?.account.user == caller.user
  }

  /// The body as a JSON object.
  func object(_ request: HTTPRequest) throws(Problem) -> JSONValue {
    let type = MediaType(of: request)
    guard type == .json else {
      throw Problem(
        415, "media_type", "the Content-Type must be application/json",
        member: "Content-Type")
    }
    let value: JSONValue
    do { value = try parser.parse(request.body) } catch { throw Problem(error) }
    do { try value.requireObject() } catch { throw Problem(error) }
    return value
  }

  func reading<Result>(
    _ body: () throws(StoreFailure) -> Result
  ) throws(Problem) -> Result {
    try readStore(body)
  }

  /// Sends a command; `respond` gets its answer unless it failed. `naming` is for a failure that is
  /// about a member which this request calls otherwise.
  func submit(
    _ command: Command, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle,
    requestID: RequestID? = nil, reason: Reason? = nil,
    naming other: (failure: CommandFailure, member: String)? = nil,
    _ respond: @escaping (Answer) -> HTTPResponse
  ) {
    let submission = Submission(
      command, by: caller.actor, requestID: requestID, reason: reason)
    submit(submission, for: request, reply) { answer in
      if case .failed(let failure) = answer {
        var problem = Problem(failure)
        if let other, failure == other.failure { problem.member = other.member }
        return problem.response
      }
      return respond(answer)
    }
  }
}
