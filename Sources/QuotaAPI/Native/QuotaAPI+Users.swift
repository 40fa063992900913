internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension QuotaAPI {
  /// `POST /v1/users`
  func addUser(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let body = try object(request)
    let registration: Registration
    do throws(MemberFault) {
      guard let name = try body.bounded("name", UserName.init) else {
        throw MemberFault(member: "name", rule: "is required")
      }
      registration = Registration(
        user: body["uuid"] == nil ? System.randomUser() : try body.member("uuid"), name: name,
        role: try body.optional("role") ?? .user)
    } catch {
      throw Problem(error)
    }
    submit(.register(registration), request, caller, reply) { [unowned self] answer in
      guard case .recorded(let receipt) = answer else { return .unexpected }
      // As it was stored: a name may have another form than the one that was sent.
      let name = (try? queries.name(of: registration.user)) ?? registration.name
      return .json(201) { json in
        json.beginObject()
        json.member("user", registration.user.description)
        json.name("name")
        if let name { json.string(name.description) } else { json.null() }
        json.member("role", registration.role.name)
        json.member("active", true)
        json.member("erased", false)
        json.member("position", receipt.position)
        json.endObject()
      }
    }
    return nil
  }

  /// `GET /v1/users`
  func users(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let query = QueryParameters(request)
    let limit = try query.integer("limit", in: 1...1000) ?? 200
    let after = try query.user("after")
    return try answerApart(request, for: caller, reply) { [queries] () throws(Problem) in
      let users = try readStore { () throws(StoreFailure) in
        try queries.users(after: after, limit: Int(limit) + 1)
      }
      return Self.document(of: users, limit: Int(limit))
    }
  }

  private static func document(of users: [UserReading], limit: Int) -> HTTPResponse {
    let page = users.prefix(limit)
    return .json(200) { json in
      json.beginObject()
      json.name("users")
      json.beginArray()
      for user in page { json.user(user) }
      json.endArray()
      json.name("next_after")
      if let last = page.last { json.string(last.account.user.description) } else { json.null() }
      json.member("has_more", users.count > page.count)
      json.endObject()
    }
  }

  /// `GET /v1/users/{user}`
  func user(_ text: String) throws(Problem) -> HTTPResponse {
    let user = try known(text)
    return .json(200) { $0.user(user) }
  }

  /// `PATCH /v1/users/{user}`
  func changeUser(
    _ text: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let body = try object(request)
    let command: Command
    do throws(MemberFault) {
      let role: Role? = try body.optional("role")
      let isActive = try body.bool("active")
      switch (role, isActive) {
      case (let role?, nil): command = .setRole(UserReference(text), role)
      case (nil, let isActive?): command = .setActive(UserReference(text), isActive)
      case (nil, nil), (_?, _?):
        throw MemberFault(member: "the body", rule: "must have either role or active")
      }
    } catch {
      throw Problem(error)
    }
    submit(command, request, caller, reply) { [unowned self] _ in
      do throws(Problem) { return try self.user(text) } catch { return error.response }
    }
    return nil
  }

  /// `DELETE /v1/users/{user}`
  func eraseUser(
    _ text: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let requestID: RequestID?
    do { requestID = try request.requestID(nil) } catch { throw Problem(error) }
    submit(.erase(UserReference(text)), request, caller, reply, requestID: requestID) {
      [unowned self] answer in
      do throws(Problem) { return try erasure(of: text, answer) } catch { return error.response }
    }
    return nil
  }

  /// A repetition under the same key gets the first position, as with everything; without a key the
  /// position is the one for which it is true that the user is erased.
  private func erasure(of text: String, _ answer: Answer) throws(Problem) -> HTTPResponse {
    let user: UserID
    let position: Position
    switch answer {
    case .recorded(let receipt):
      position = receipt.position
      guard let erased = try erasedUser(at: position) else { return .unexpected }
      user = erased
    case .unchanged:
      let known = try known(text)
      (user, position) = (known.account.user, known.position)
    case .granted, .held, .refused, .settled, .extended, .session, .budget, .failed:
      return .unexpected
    }
    return .json(200) { json in
      json.beginObject()
      json.member("user", user.description)
      json.member("erased", true)
      json.member("changed", answer != .unchanged)
      json.member("position", position)
      json.endObject()
    }
  }

  private func erasedUser(at position: Position) throws(Problem) -> UserID? {
    var filter = EventFilter()
    filter.after = Position(position.rawValue - 1)
    filter.limit = 1
    let event = try reading { () throws(StoreFailure) in try queries.events(filter).events.first }
    guard case .userErased(let user) = event?.fact else { return nil }
    return user
  }

  /// `POST /v1/users/{user}/tokens`
  func issueToken(
    to text: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    var lifetime: Int64?
    if !request.body.isEmpty {
      let body = try object(request)
      if let value = body["expires_in"], value.kind != .null {
        guard let seconds = value.int64, (1...3_155_760_000).contains(seconds) else {
          throw .invalid("expires_in", "must be an integer from 1 to 3155760000 seconds")
        }
        lifetime = seconds
      }
    }
    let user = try known(text).account.user
    let token = NewToken()
    let expiresAt = lifetime.map { Moment(microseconds: clock().microseconds + $0 * 1_000_000) }
    submit(.issueToken(.id(user), token, expiresAt: expiresAt), request, caller, reply) { answer in
      guard case .recorded = answer else { return .unexpected }
      // RFC 6750, 5.3, of whatever brings a token.
      return .json(201, headers: [(name: "Cache-Control", value: "no-store")]) { json in
        json.beginObject()
        json.member("token_id", token.id.description)
        json.member("token", token.text)
        json.member("user", user.description)
        json.name("expires_at")
        if let expiresAt { json.string(expiresAt.rfc3339) } else { json.null() }
        json.endObject()
      }
    }
    return nil
  }

  /// `DELETE /v1/users/{user}/tokens/{token}`
  func revokeToken(
    _ token: String, of user: String, _ request: HTTPRequest, _ caller: Caller,
    _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    guard let id = TokenID(text: token) else { throw Problem(.unknownToken) }
    submit(.revokeToken(id, of: UserReference(user)), request, caller, reply) { _ in
      HTTPResponse(status: 204)
    }
    return nil
  }

  func known(_ text: String) throws(Problem) -> UserReading {
    let user = try reading { () throws(StoreFailure) in try queries.user(UserReference(text)) }
    guard let user else { throw Problem(.unknownUser) }
    return user
  }
}

extension JSONWriter {
  fileprivate mutating func user(_ user: UserReading) {
    beginObject()
    member("user", user.account.user.description)
    name("name")
    if let name = user.name { string(name.description) } else { null() }
    member("role", user.account.role.name)
    member("active", user.account.isActive)
    member("erased", user.account.isErased)
    endObject()
  }
}
