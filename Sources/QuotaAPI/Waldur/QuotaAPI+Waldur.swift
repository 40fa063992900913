internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

/// Waldur's two URLs; contract chat-quota. Checks run in the order of its section 6.
extension QuotaAPI {
  private static let maximumBodyByteCount = 1 << 20

  /// Everything that is decided before the body is looked at: an answer, or the caller.
  func admit(_ request: HTTPRequest, to path: WaldurPath) throws(EarlyAnswer) -> Caller {
    if let format = FormPairs(query: request.query)["format"], !format.isEmpty, format != "json" {
      throw EarlyAnswer(.detail(404, "Not found."))
    }
    guard accepts(request.headers["accept"], "application", "json") else {
      throw EarlyAnswer(.detail(406, "Could not satisfy the request Accept header."))
    }
    let caller = try waldurCaller(request)
    guard path.allows(request.method) else {
      throw EarlyAnswer(.detail(405, "Method \"\(request.methodText)\" not allowed."))
    }
    if request.headers["x-impersonated-user-uuid"] != nil {
      throw EarlyAnswer(.detail(403, "Impersonation is not supported."))
    }
    if request.method == .post, !caller.role.maySetQuotas {
      throw EarlyAnswer(.detail(403, "You do not have permission to perform this action."))
    }
    if request.method == .post, request.hasBody, Self.isUnsupported(request) {
      throw EarlyAnswer(Self.unsupportedMediaType(request))
    }
    return caller
  }

  /// Answers a request that was admitted; nil where the answer comes from the committer.
  func answer(
    _ request: HTTPRequest, at path: WaldurPath, from caller: Caller, _ reply: ReplyHandle
  ) -> HTTPResponse? {
    if request.method == .options { return options(of: path) }
    switch path {
    case .usage: return usage(request, caller)
    case .setQuota: return setQuota(request, caller, reply)
    case .root, .other: return .detail(404, "Not found.")
    }
  }

  func bodyLimit(for path: WaldurPath) -> Int { Self.maximumBodyByteCount }

  private func waldurCaller(_ request: HTTPRequest) throws(EarlyAnswer) -> Caller {
    do {
      return try caller(of: request)
    } catch {
      if case .unavailable(let reason) = error { throw EarlyAnswer(.detail(503, reason)) }
      throw EarlyAnswer(
        .detail(401, error.text, headers: [(name: "WWW-Authenticate", value: "Token")]))
    }
  }

  private func usage(_ request: HTTPRequest, _ caller: Caller) -> HTTPResponse {
    let spelling = FormPairs(query: request.query)["user_uuid"]
    let target = spelling.map(UserID.init(spelling:)) ?? caller.user
    guard target == caller.user || caller.role.mayReadAnyUsage else {
      return .detail(403, "You can only view your own usage.")
    }
    guard let target else { return .detail(404, "User not found.") }
    do {
      let reading = try queries.usage(of: .id(target), at: clock())
      guard let reading, reading.account.isActive else { return .detail(404, "User not found.") }
      var json = JSONWriter()
      json.reserveCapacity(600)
      json.usageDocument(reading)
      return HTTPResponse(
        status: 200, headers: [(name: "Content-Type", value: "application/json")],
        body: json.take())
    } catch {
      return .detail(503, error.description, headers: [(name: "Retry-After", value: "1")])
    }
  }

  private func setQuota(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) -> HTTPResponse? {
    let body: SetQuotaBody
    do {
      body = try SetQuotaBody(
        request.body, isForm: MediaType(of: request) == .form,
        parser: parser)
    } catch {
      return error.response
    }
    let omitted: LimitUpdate = settings.omittedLimits == .default ? .unset : .keep
    // The contract knows no other periods: their limits stay.
    let updates = LimitUpdates { (period) in
      period.counted.map { body.limits[$0] ?? omitted } ?? .keep
    }
    submit(Submission(.setLimits(.id(body.user), updates), by: caller.actor), for: request, reply) {
      Self.setQuotaResponse($0)
    }
    return nil
  }

  private static func setQuotaResponse(_ answer: Answer) -> HTTPResponse {
    switch answer {
    case .recorded, .unchanged: HTTPResponse(status: 200)
    case .failed(.unknownUser): .detail(404, "User not found.")
    case .failed(.unavailable(let reason)):
      .detail(503, reason, headers: [(name: "Retry-After", value: "1")])
    case .failed, .granted, .held, .refused, .settled, .extended, .session, .budget:
      .detail(500, "Unexpected answer of the ledger.")
    }
  }

  private func options(of path: WaldurPath) -> HTTPResponse {
    .json(200) { json in
      json.beginObject()
      json.member("name", path.title)
      json.member("description", path.summary)
      json.name("renders")
      json.beginArray()
      json.string("application/json")
      json.endArray()
      json.name("parses")
      json.beginArray()
      json.string("application/json")
      json.string("application/x-www-form-urlencoded")
      json.endArray()
      json.endObject()
    }
  }

  private static func isUnsupported(_ request: HTTPRequest) -> Bool {
    switch MediaType(of: request) {
    case .json, .form: false
    case .jsonLines, .cloudEvent, .cloudEventBatch, .other: true
    }
  }

  private static func unsupportedMediaType(_ request: HTTPRequest) -> HTTPResponse {
    let found = request.headers["content-type"] ?? ""
    return .detail(415, "Unsupported media type \"\(found)\" in request.")
  }
}

extension WaldurPath {
  fileprivate func allows(_ method: HTTPMethod) -> Bool {
    switch method {
    case .options: true
    case .get, .head: self == .usage
    case .post: self == .setQuota
    case .put, .patch, .delete, .other: false
    }
  }

  fileprivate var title: String {
    switch self {
    case .usage: "Usage"
    case .setQuota: "Set quota"
    case .root, .other: "Chat quota"
    }
  }

  fileprivate var summary: String {
    switch self {
    case .usage: "Limits, usage, remaining tokens and next reset for day, week and month."
    case .setQuota: "Sets a user's own daily, weekly and monthly token limits."
    case .root, .other: "Token quotas of chat users."
    }
  }
}
