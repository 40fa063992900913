/// Why the engine answers a request itself. The connection closes after each of these.
enum Refusal: Error, Hashable {
  case malformed(String)
  case timedOut
  case bodyTooLarge
  case targetTooLong
  case headTooLarge
  case expectationUnknown
  case notImplemented(String)
  case tooManyConnections
  case tooManyBytes
  case versionNotSupported
}

extension Refusal {
  var status: Int {
    switch self {
    case .malformed: 400
    case .timedOut: 408
    case .bodyTooLarge: 413
    case .targetTooLong: 414
    case .expectationUnknown: 417
    case .headTooLarge: 431
    case .notImplemented: 501
    case .tooManyConnections, .tooManyBytes: 503
    case .versionNotSupported: 505
    }
  }

  /// A sentence for people; made of our own words only, so it needs no escapes in JSON.
  var detail: String {
    switch self {
    case .malformed(let rule): "Malformed request: \(rule)."
    case .timedOut: "The request did not arrive in time."
    case .bodyTooLarge: "The body is too large."
    case .targetTooLong: "The request line is too long."
    case .expectationUnknown: "The expectation cannot be met."
    case .headTooLarge: "The header fields are too large or too many."
    case .notImplemented(let what): "Not implemented: \(what)."
    case .tooManyConnections: "Too many connections."
    case .tooManyBytes: "Too many large requests at once."
    case .versionNotSupported: "The HTTP version is not supported."
    }
  }

  var response: HTTPResponse {
    var response = HTTPResponse(
      status: status,
      headers: [("Content-Type", "application/json"), ("Connection", "close")],
      body: Array(#"{"detail":"\#(detail)"}"#.utf8))
    if status == 503 { response.headers.append(("Retry-After", "1")) }
    return response
  }
}
