internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

extension QuotaAPI {
  /// How long a hold lasts where the request does not say.
  private static let defaultTimeToLiveSeconds: Int64 = 600

  /// `POST /v1/check`
  func check(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let body = try object(request)
    let command: Command
    do throws(MemberFault) {
      command = .check(
        UserReference(try body.requiredText("user")), estimate: try body.tokens("estimate"))
    } catch {
      throw Problem(error)
    }
    submit(command, request, caller, reply) { [unowned self] answer in
      switch answer {
      case .granted(let standing, let position):
        HTTPResponse.json(200, headers: rateLimitFields(standing)) { json in
          json.beginObject()
          json.member("allowed", true)
          json.member("position", position)
          json.endObject()
        }
      case .refused(let refusal, let receipt, let standing):
        refused(refusal, receipt, standing)
      case .recorded, .unchanged, .held, .settled, .extended, .session, .budget, .failed:
        .unexpected
      }
    }
    return nil
  }

  /// `POST /v1/holds`
  func hold(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let body = try object(request)
    let hold: HoldRequest
    let requestID: RequestID
    do throws(MemberFault) {
      hold = HoldRequest(
        user: UserReference(try body.requiredText("user")),
        estimate: try body.positiveTokens("estimate"),
        timeToLiveSeconds: try body.timeToLive("ttl_seconds") ?? Self.defaultTimeToLiveSeconds,
        session: try body.sessionAddress("session_id", as: caller.sessionViewer),
        credits: try body.positiveNanoCredits("estimate_nano_aiu"),
        budgets: try body.reading { (line) throws(MemberFault) in
          try Hold.describe(budgets: nil, to: &line)
        })
      requestID = try request.requiredRequestID(body)
    } catch {
      throw Problem(error)
    }
    submit(
      .hold(hold), request, caller, reply, requestID: requestID,
      naming: (.unknownBudget, "budget_ids")
    ) { [unowned self] answer in
      switch answer {
      case .held(let held): .held(held, held.standing.map(rateLimitFields) ?? [])
      case .refused(let refusal, let receipt, let standing):
        refused(refusal, receipt, standing)
      case .recorded, .unchanged, .granted, .settled, .extended, .session, .budget, .failed:
        .unexpected
      }
    }
    return nil
  }

  /// `GET /v1/holds/{hold}`
  func hold(_ text: String, _ caller: Caller) throws(Problem) -> HTTPResponse {
    guard let id = HoldID(text: text) else { throw Problem(.unknownHold) }
    let found = try reading { () throws(StoreFailure) in try queries.hold(id) }
    guard let found else { throw Problem(.unknownHold) }
    guard caller.role.mayReadEvents || found.maker == caller.actor else {
      throw Problem(.foreignHold)
    }
    return .json(200) { $0.hold(found) }
  }

  /// `POST /v1/holds/{hold}/settle`, `/extend` and `/void`
  func end(
    _ text: String, _ action: NativeHoldAction, _ request: HTTPRequest, _ caller: Caller,
    _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    guard let hold = HoldID(text: text) else { throw Problem(.unknownHold) }
    // An empty body says everything that there is to say about a hold of which nothing was used.
    let body = action == .void && request.body.isEmpty ? nil : try object(request)
    let command: Command
    let requestID: RequestID?
    do throws(MemberFault) {
      switch action {
      case .settle: command = .settle(hold, try holdUsage(body!))
      case .void: command = .void(hold)
      case .extend:
        guard let seconds = try body!.timeToLive("ttl_seconds") else {
          throw MemberFault(member: "ttl_seconds", rule: "is required")
        }
        command = .extend(hold, timeToLiveSeconds: seconds)
      }
      requestID = try request.requestID(body)
    } catch {
      throw Problem(error)
    }
    submit(command, request, caller, reply, requestID: requestID) { .ended(hold, $0) }
    return nil
  }

  private func holdUsage(_ body: JSONValue) throws(MemberFault) -> HoldUsage {
    let model = try body.bounded("model", ModelName.init)
    return HoldUsage(
      try body.reportedUsage(), model: model, cost: try body.optional("nano_aiu"),
      price: model.flatMap { sessionSettings.prices[$0] }, isFinal: try body.bool("final") ?? true)
  }
}

extension QuotaAPI {
  private func rateLimitFields(_ standing: Standing) -> [(name: String, value: String)] {
    rateLimits.fields(of: standing, at: clock())
  }

  private func refused(
    _ refusal: Refusal, _ receipt: Receipt, _ standing: Standing?
  ) -> HTTPResponse {
    var headers = standing.map(rateLimitFields) ?? []
    if let seconds = standing.flatMap({ refusal.retryAfterSeconds($0, at: clock()) }) {
      headers.append((name: "Retry-After", value: String(seconds)))
    }
    return .refusal(refusal, receipt, headers)
  }
}

extension JSONValue {
  func positiveTokens(_ name: StaticString) throws(MemberFault) -> TokenCount {
    guard let tokens = try positiveInteger(name).flatMap(TokenCount.init) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return tokens
  }

  fileprivate func positiveNanoCredits(_ name: StaticString) throws(MemberFault) -> NanoCredits? {
    try positiveInteger(name).flatMap(NanoCredits.init)
  }

  /// Nil where it is absent or null.
  private func positiveInteger(_ name: StaticString) throws(MemberFault) -> Int64? {
    guard let value = self[name], value.kind != .null else { return nil }
    guard let number = value.int64, number > 0 else {
      throw MemberFault(
        member: name.description, rule: "must be an integer from 1 to 9223372036854775807")
    }
    return number
  }

  fileprivate func sessionAddress(
    _ name: StaticString, as viewer: SessionViewer
  ) throws(MemberFault) -> SessionAddress? {
    try bounded(name, SessionID.init).map { SessionAddress($0, as: viewer) }
  }

  fileprivate func timeToLive(_ name: StaticString) throws(MemberFault) -> Int64? {
    guard let value = self[name], value.kind != .null else { return nil }
    let range = HoldRequest.timeToLiveSeconds
    guard let seconds = value.int64, range.contains(seconds) else {
      throw MemberFault(
        member: name.description,
        rule: "must be an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return seconds
  }
}
