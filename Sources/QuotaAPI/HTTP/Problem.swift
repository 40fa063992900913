internal import HTTPServer
internal import JSON

/// An error of the native API: problem details by RFC 9457, with a `code` for programs.
struct Problem: Error, Hashable {
  var status: Int
  var code: String
  var detail: String
  /// The member or parameter at fault.
  var member: String?
  /// The position of the event that stands in the way.
  var position: UInt64?
  /// How many records the log has, where more were asked about.
  var size: UInt64?

  init(
    _ status: Int, _ code: String, _ detail: String, member: String? = nil,
    position: UInt64? = nil, size: UInt64? = nil
  ) {
    self.status = status
    self.code = code
    self.detail = detail
    self.member = member
    self.position = position
    self.size = size
  }

  static func invalid(_ member: String, _ rule: String) -> Problem {
    Problem(400, "invalid", "\(member) \(rule)", member: member)
  }

  func write(into json: inout JSONWriter) {
    json.beginObject()
    json.member("type", "about:blank")
    json.member("title", HTTPResponse.reason(of: status))
    json.member("status", status)
    json.member("code", code)
    json.member("detail", detail)
    if let member { json.member("member", member) }
    if let position { json.member("position", position) }
    if let size { json.member("size", size) }
    json.endObject()
  }

  var response: HTTPResponse {
    let response = HTTPResponse.json(status, type: "application/problem+json") {
      write(into: &$0)
    }
    switch status {
    case 401: return response.adding("WWW-Authenticate", "Token")
    case 429, 503: return response.adding("Retry-After", "1")
    default: return response
    }
  }
}
