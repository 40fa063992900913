internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

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
    submit(command, request, caller, reply) { answer in
      switch answer {
      case .granted(let position):
        .json(200) { json in
          json.beginObject()
          json.member("allowed", true)
          json.member("position", position)
          json.endObject()
        }
      case .refused(let refusal, let receipt): .refusal(refusal, receipt)
      case .recorded, .unchanged, .held, .session, .budget, .failed: .unexpected
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
        estimate: try body.estimate("estimate"),
        timeToLiveSeconds: try body.timeToLive("ttl_seconds") ?? Self.defaultTimeToLiveSeconds)
      requestID = try Self.requestID(body)
    } catch {
      throw Problem(error)
    }
    submit(.hold(hold), request, caller, reply, requestID: requestID) { answer in
      switch answer {
      case .held(let held): .held(held, tokens: hold.estimate)
      case .refused(let refusal, let receipt): .refusal(refusal, receipt)
      case .recorded, .unchanged, .granted, .session, .budget, .failed: .unexpected
      }
    }
    return nil
  }

  /// `POST /v1/holds/{hold}/settle` and `/void`
  func end(
    _ text: String, _ action: NativeHoldAction, _ request: HTTPRequest, _ caller: Caller,
    _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    guard let hold = HoldID(text: text) else { throw Problem(.unknownHold) }
    switch action {
    case .void:
      submit(.void(hold), request, caller, reply) { .ended(hold, $0) }
    case .settle:
      let body = try object(request)
      let command: Command
      let requestID: RequestID?
      do throws(MemberFault) {
        command = .settle(
          hold, try body.reportedUsage(), model: try body.bounded("model", ModelName.init))
        requestID = body["id"] == nil ? nil : try Self.requestID(body)
      } catch {
        throw Problem(error)
      }
      submit(command, request, caller, reply, requestID: requestID) { .ended(hold, $0) }
    }
    return nil
  }

  private static func requestID(_ body: JSONValue) throws(MemberFault) -> RequestID {
    guard let id = try body.bounded("id", RequestID.init) else {
      throw MemberFault(member: "id", rule: "is required: it makes retries safe")
    }
    return id
  }
}

extension JSONValue {
  fileprivate func estimate(_ name: StaticString) throws(MemberFault) -> TokenCount {
    let tokens = try requiredTokens(name)
    guard tokens > .zero else {
      throw MemberFault(member: name.description, rule: "must be at least 1")
    }
    return tokens
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

extension HTTPResponse {
  /// A refusal with the status and text of upstream, so that a gateway can pass it on unchanged, and
  /// with everything that decided it (contract chat-quota, section 7).
  fileprivate static func refusal(_ refusal: Refusal, _ receipt: Receipt) -> HTTPResponse {
    .json(409) { json in
      json.beginObject()
      json.member("detail", refusal.violations[0].text)
      json.member("allowed", false)
      json.member("user", refusal.user.description)
      json.member("estimate", optional: refusal.estimate?.rawValue)
      json.violations(refusal.violations)
      json.member("position", receipt.position)
      json.endObject()
    }
  }

  fileprivate static func held(_ held: HoldReceipt, tokens: TokenCount) -> HTTPResponse {
    .json(held.receipt.isReplayed ? 200 : 201) { json in
      json.beginObject()
      json.member("hold", held.hold.description)
      json.member("tokens", tokens.rawValue)
      json.member("expires_at", held.expiresAt)
      json.member("position", held.receipt.position)
      json.member("replayed", held.receipt.isReplayed)
      json.endObject()
    }
  }

  fileprivate static func ended(_ hold: HoldID, _ answer: Answer) -> HTTPResponse {
    .json(200) { json in
      json.beginObject()
      json.member("hold", hold.description)
      if case .recorded(let receipt) = answer {
        json.member("position", receipt.position)
        json.member("replayed", receipt.isReplayed)
      }
      json.endObject()
    }
  }
}

extension Violation {
  fileprivate var text: String {
    switch period {
    case .daily: "Daily token limit exceeded."
    case .weekly: "Weekly token limit exceeded."
    case .monthly: "Monthly token limit exceeded."
    }
  }
}
