internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

/// Limits that change later, and tokens on top of a limit for a while.
extension QuotaAPI {
  /// `GET /v1/schedules`
  func schedules(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let user = try QueryParameters(request)["user"].map { (text) throws(Problem) in
      try known(text).account.user
    }
    return try answerApart(request, for: caller, reply) { [queries] () throws(Problem) in
      let all = try readStore { () throws(StoreFailure) in try queries.schedules() }
      return Self.document(of: all, user: user)
    }
  }

  private static func document(
    of all: [(id: ScheduleID, change: ScheduledChange)], user: UserID?
  ) -> HTTPResponse {
    .json(200) { json in
      json.beginObject()
      json.name("schedules")
      json.beginArray()
      for (id, change) in all where user == nil || change.user == user {
        json.beginObject()
        json.member("schedule", id.description)
        json.member("user", optional: change.user?.description)
        json.describe { (line) in
          _ = LimitUpdates.describe(change.updates, to: &line)
        }
        json.member("effective_at", change.effectiveAt)
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
  }

  /// `DELETE /v1/schedules/{schedule}`
  func cancelSchedule(
    _ text: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    guard let id = ScheduleID(text: text) else { throw Problem(.unknownSchedule) }
    submit(.cancelSchedule(id), request, caller, reply) { _ in HTTPResponse(status: 204) }
    return nil
  }

  /// `POST /v1/users/{user}/allowances`
  func allow(
    _ text: String, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let body = try object(request)
    let command: Command
    let requestID: RequestID
    let reason: Reason?
    do throws(MemberFault) {
      let tokens = try body.positiveTokens("tokens")
      guard tokens.rawValue <= TokenLimit.range.upperBound else {
        throw MemberFault(
          member: "tokens", rule: "must be at most \(TokenLimit.range.upperBound)")
      }
      command = .allow(UserReference(text), try body.member("period"), tokens)
      requestID = try request.requiredRequestID(body)
      reason = try body.bounded("reason", Reason.init)
    } catch {
      throw Problem(error)
    }
    submit(command, request, caller, reply, requestID: requestID, reason: reason) {
      .recorded($0)
    }
    return nil
  }
}
