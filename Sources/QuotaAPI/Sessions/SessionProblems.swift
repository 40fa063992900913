internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Problem {
  /// The problem in the shape of the session paths: `{"error": {"code", "message"}}` (contract
  /// session-limits, section 6).
  var errorResponse: HTTPResponse {
    let answer = HTTPResponse.json(status) { json in
      json.beginObject()
      json.name("error")
      json.beginObject()
      json.member("code", code)
      json.member("message", detail)
      json.endObject()
      json.endObject()
    }
    switch status {
    case 401: return answer.adding("WWW-Authenticate", "Token")
    case 503: return answer.adding("Retry-After", "1")
    default: return answer
    }
  }

  /// A cap below the smallest one, in the words of the real runtime (contract session-limits,
  /// section 1).
  static func belowMinimum(_ minimum: NanoCredits, _ member: String) -> Problem {
    Problem(
      400, "invalid", "Minimum session limit is \(minimum.credits) AI credits.", member: member)
  }

  static let unknownSession = Problem(.unknownSession)
}
