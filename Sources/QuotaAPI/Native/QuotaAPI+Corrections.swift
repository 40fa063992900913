internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension QuotaAPI {
  /// `POST /v1/corrections`
  func correct(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let body = try object(request)
    let target: CorrectionTarget
    let usage: TokenUsage
    let requestID: RequestID
    let reason: Reason?
    do throws(MemberFault) {
      target = try body.correctionTarget()
      usage = try body.reportedUsage()
      requestID = try requiredRequestID(body, request)
      reason = try body.bounded("reason", Reason.init)
    } catch {
      throw Problem(error)
    }
    submit(
      .correct(target, usage), request, caller, reply, requestID: requestID, reason: reason,
      naming: (.unknownEvent, target.member)
    ) { answer in
      guard case .recorded(let receipt) = answer else { return .unexpected }
      return .json(answer.isNew ? 201 : 200) { json in
        json.beginObject()
        json.receipt(receipt)
        json.endObject()
      }
    }
    return nil
  }

  /// A body's `id`, or the header `Idempotency-Key`; nil without both.
  func requestID(
    _ body: JSONValue?, _ request: HTTPRequest
  ) throws(MemberFault) -> RequestID? {
    let stated = try body?.bounded("id", RequestID.init)
    guard var key = request.headers["idempotency-key"] else { return stated }
    if key.count >= 2, key.first == "\"", key.last == "\"" {
      key = String(key.dropFirst().dropLast())
    }
    let header: RequestID
    do { header = try RequestID(key) } catch {
      throw MemberFault(member: "Idempotency-Key", rule: error.description)
    }
    if let stated, stated != header {
      throw MemberFault(member: "id", rule: "differs from the Idempotency-Key header")
    }
    return header
  }

  func requiredRequestID(
    _ body: JSONValue, _ request: HTTPRequest
  ) throws(MemberFault) -> RequestID {
    guard let id = try requestID(body, request) else {
      throw MemberFault(
        member: "id", rule: "is required (or the Idempotency-Key header): it makes retries safe")
    }
    return id
  }
}

extension CorrectionTarget {
  /// The member of a request that names it.
  fileprivate var member: String {
    switch self {
    case .position: "position"
    case .request: "usage_id"
    }
  }
}

extension Answer {
  /// Whether something was recorded by this very request.
  var isNew: Bool {
    if case .recorded(let receipt) = self { return !receipt.isReplayed }
    return false
  }
}

extension JSONValue {
  fileprivate func correctionTarget() throws(MemberFault) -> CorrectionTarget {
    let usage = try bounded("usage_id", RequestID.init)
    if self["position"] == nil {
      guard let usage else {
        throw MemberFault(
          member: "position", rule: "is required (or usage_id): which event is to be corrected?")
      }
      return .request(usage)
    }
    guard usage == nil else {
      throw MemberFault(member: "usage_id", rule: "must not be given beside position")
    }
    return .position(try position("position"))
  }
}
