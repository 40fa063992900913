internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Beginning, reading, changing and ending sessions.
extension QuotaAPI {
  /// `POST /v1/sessions`
  func startSession(_ call: SessionCall) throws(Problem) -> HTTPResponse? {
    let body = try sessionBody(call.request, isOptional: true)
    try body.allowOnly(.sessionID, .user, .sessionLimits, .budgetID, .model)
    let limit = try body.limits(atLeast: sessionSettings.minimumLimit)
    let user = try owner(body, call.caller)
    let id = try body.bounded(.sessionID, SessionID.init)
    let key = try call.idempotencyKey()
    let opening = SessionOpening(
      id: id ?? newID(call.caller, key), user: user,
      viewer: call.caller.sessionViewer, limit: limit,
      model: try body.bounded(.model, ModelName.init),
      budget: try sharedBudget(body, of: user, call.caller), whenItExists: .compare)
    submit(.start(opening), call) { answer in
      .session(answer, status: answer.ofSession?.result == .existed ? 200 : 201)
    }
    return nil
  }

  /// Under an `Idempotency-Key` a session without an id gets the same one again.
  private func newID(_ caller: Caller, _ key: StepID?) -> SessionID {
    let digest = key.map { Digester.digest(of: "\(caller.user) \($0)").words }
    let id = digest.map { EntryID(random: $0.0, $0.1) } ?? System.randomEntry()
    guard let id = try? SessionID(id.description) else {
      preconditionFailure("A UUID is a session's id.")
    }
    return id
  }

  /// Whose session it becomes: a user's own, or whose the request says.
  private func owner(_ body: SessionBody, _ caller: Caller) throws(Problem) -> UserID? {
    let named = try body.text(.user)
    guard let named else { return caller.role == .user ? caller.user : nil }
    if caller.role == .user, !isSelf(named, caller) {
      throw Problem(403, "forbidden", "user must be your own id or name", member: "user")
    }
    return try known(named).account.user
  }

  /// The budget that the request names, or the one that the owner's sessions join by configuration,
  /// which a user cannot leave by naming another.
  private func sharedBudget(
    _ body: SessionBody, of user: UserID?, _ caller: Caller
  ) throws(Problem) -> BudgetID? {
    let configured = user.flatMap { sessionSettings.budgetsOfUsers[$0] }
    guard let named = try body.bounded(.budgetID, BudgetID.init) else { return configured }
    guard caller.role != .user || configured == nil || named == configured else {
      throw Problem(
        403, "forbidden", "your sessions share another budget by configuration",
        member: "budget_id")
    }
    return named
  }

  /// `GET /v1/sessions`
  func sessions(_ call: SessionCall) throws(Problem) -> HTTPResponse? {
    let query = QueryParameters(call.request)
    let limit = Int(try query.integer("limit", in: 1...1000) ?? 200)
    let after = try query.integer("after", in: 0...Int64.max).map {
      SessionRef(Position(UInt64($0)))
    }
    var viewer = call.caller.sessionViewer
    if let user = query["user"] {
      let asked = try known(user).account.user
      // Others' sessions do not exist for a user, and neither do others' lists.
      if case .user(let own) = viewer, own != asked { throw Problem(.unknownUser) }
      viewer = .user(asked)
    }
    return try answerApart(call) { [queries, viewer] () throws(Problem) in
      let found = try readStore { () throws(StoreFailure) in
        try queries.sessions(as: viewer, after: after, limit: limit + 1)
      }
      return .json(200) { $0.page(of: found, limit: limit) }
    }
  }

  /// `GET /v1/sessions/{id}`
  func session(_ id: String, _ call: SessionCall) throws(Problem) -> HTTPResponse? {
    guard let point = try pastPoint(QueryParameters(call.request)) else {
      let session = try knownSession(id, call)
      return .json(200) { $0.session(session) }
    }
    let address = try call.address(id)
    return try answerApart(call) { [queries] () throws(Problem) in
      let result = try readStore { () throws(StoreFailure) in
        try queries.session(address, at: point, limit: Self.maximumPastEventCount)
      }
      switch result {
      case .success(let session?): return .json(200) { $0.session(session, at: point.position) }
      case .success(nil): throw .unknownSession
      case .failure(let fault): throw Problem(fault)
      }
    }
  }

  func knownSession(_ id: String, _ call: SessionCall) throws(Problem) -> Session {
    let address = try call.address(id)
    let session = try reading { () throws(StoreFailure) in try queries.session(address) }
    guard let session else { throw .unknownSession }
    return session
  }

  /// `POST /v1/sessions/{id}/resume`
  func resumeSession(_ id: String, _ call: SessionCall) throws(Problem) -> HTTPResponse? {
    let body = try sessionBody(call.request, isOptional: true)
    try body.allowOnly(.sessionLimits)
    let address = try call.address(id)
    let resumption = SessionResumption(
      limit: try body.limits(atLeast: sessionSettings.minimumLimit),
      wasActive: hub.hasSubscribers(try knownSession(id, call).ref))
    return try submitOnce(.resume(address, resumption), call) { .session($0) }
  }

  /// `PATCH /v1/sessions/{id}`
  func changeSession(_ id: String, _ call: SessionCall) throws(Problem) -> HTTPResponse? {
    let body = try sessionBody(call.request)
    try body.allowOnly(.sessionLimits)
    let limit = try body.limits(atLeast: sessionSettings.minimumLimit)
    let change = try call.idempotencyKey()
    submit(.setLimit(try call.address(id), limit, change: change), call) { .session($0) }
    return nil
  }

  /// `POST /v1/sessions/{id}/clear`
  func clearSession(_ id: String, _ call: SessionCall) throws(Problem) -> HTTPResponse? {
    try submitOnce(.clear(try call.address(id)), call) { .session($0) }
  }

  /// `DELETE /v1/sessions/{id}`
  func deleteSession(_ id: String, _ call: SessionCall) throws(Problem) -> HTTPResponse? {
    let address = try call.address(id)
    // What a turn under way has used is counted before the session is gone.
    hub.whenStopped(try knownSession(id, call).ref) { [unowned self] in
      goOn(with: call.request, of: call.caller, call.reply) {
        submit(.delete(address), call) { _ in HTTPResponse(status: 204) }
        return nil
      }
    }
    return nil
  }
}

/// Shared budgets (contract session-limits, 8.1).
extension QuotaAPI {
  /// `PUT /v1/budgets/{id}`
  func setBudget(_ text: String, _ call: SessionCall) throws(Problem) -> HTTPResponse? {
    let id: BudgetID
    do { id = try BudgetID(text) } catch { throw .invalid("budget_id", error.description) }
    let body = try sessionBody(call.request)
    try body.allowOnly(.maximum, .open, .members)
    guard let limit = try body.credits(.maximum) else {
      throw .invalid("max_ai_credits", "is required")
    }
    submit(.setBudget(id, limit, try body.budgetAccess()), call) { answer in
      guard case .budget(let budget, let isNew) = answer else { return .unexpectedInSession }
      return .json(isNew ? 201 : 200) { $0.budget(budget) }
    }
    return nil
  }

  /// `GET /v1/budgets/{id}`
  func budget(_ text: String, _ call: SessionCall) throws(Problem) -> HTTPResponse {
    guard let id = try? BudgetID(text) else { throw Problem(.unknownBudget) }
    let budget = try reading { () throws(StoreFailure) in try queries.budget(id) }
    guard let budget, mayRead(budget, call.caller) else { throw Problem(.unknownBudget) }
    // Who else shares a budget is for those who say so.
    return .json(200) { $0.budget(budget, withAccess: call.caller.role != .user) }
  }

  private func mayRead(_ budget: SharedBudget, _ caller: Caller) -> Bool {
    caller.role != .user || budget.access.includes(caller.user)
      || sessionSettings.budgetsOfUsers[caller.user] == budget.id
  }
}

extension JSONWriter {
  /// A page of a list of which one more was read than fits.
  fileprivate mutating func page(of found: [Session], limit: Int) {
    let page = found.prefix(limit)
    beginObject()
    name("sessions")
    beginArray()
    for session in page { self.session(session) }
    endArray()
    name("next_after")
    if let last = page.last { integer(last.ref.position.rawValue) } else { null() }
    member("has_more", found.count > page.count)
    endObject()
  }
}
