internal import EventJSON
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
      requestID = try request.requiredRequestID(body)
      reason = try body.bounded("reason", Reason.init)
    } catch {
      throw Problem(error)
    }
    submit(
      .correct(target, usage), request, caller, reply, requestID: requestID, reason: reason,
      naming: (.unknownEvent, target.member)
    ) { .recorded($0) }
    return nil
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

extension HTTPResponse {
  /// The receipt of what was recorded now, or by the same request before.
  static func recorded(_ answer: Answer) -> HTTPResponse {
    guard case .recorded(let receipt) = answer else { return .unexpected }
    return .json(receipt.isReplayed ? 200 : 201) { json in
      json.beginObject()
      json.receipt(receipt)
      json.endObject()
    }
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
    let position: Position = try member("position")
    guard position > .zero else {
      throw MemberFault(member: "position", rule: "must be an integer from 1")
    }
    return .position(position)
  }
}
