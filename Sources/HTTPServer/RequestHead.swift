/// A head that has passed every rule: the request without its body, and what is to be known about
/// the body and the connection.
struct RequestHead {
  /// How the end of the body is found.
  enum Framing: Equatable {
    case length(Int)
    case chunked
  }

  let request: HTTPRequest
  let framing: Framing
  let minorVersion: Int
  let keepsAlive: Bool
  /// The client waits for word that its body is welcome.
  let expectsContinue: Bool

  /// Parses the text of one complete head.
  init(_ text: [UInt8], by parser: HeadParser) throws(Refusal) {
    // http-parser knows a fixed set of methods; whether another one is allowed is the handler's business.
    let methodText = String(decoding: text[..<(text.firstIndex(of: .space) ?? 0)], as: UTF8.self)
    if methodText == "CONNECT" { throw .notImplemented("this method") }
    let text = try Self.parsable(text, methodText)
    var head = try parser.parse(text)
    guard head.majorVersion == 1 else { throw .versionNotSupported }
    let method = HTTPMethod(methodText)
    let target = try RequestTarget(text, head.target, method: method)
    let rules = try FieldRules(text, &head, authority: target.authority)
    request = HTTPRequest(
      method: method, methodText: methodText, path: target.path, query: target.query,
      headers: HTTPHeaders(text: text, fields: head.fields), body: [])
    framing = rules.framing
    minorVersion = head.minorVersion
    keepsAlive = head.keepsAlive
    expectsContinue = rules.expectsContinue
  }

  /// The head with a method that the parser knows: a token of any other spelling stands as `POST`.
  private static func parsable(_ text: [UInt8], _ method: String) throws(Refusal) -> [UInt8] {
    if HTTPMethod(method) != .other { return text }
    guard !method.isEmpty, method.utf8.allSatisfy(\.isToken) else {
      throw .malformed("no method it could have")
    }
    return Array("POST".utf8) + text[method.utf8.count...]
  }
}
