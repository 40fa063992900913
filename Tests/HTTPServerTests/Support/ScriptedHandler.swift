import HTTPServer

/// A handler whose answer depends on the path.
///
/// `/echo` gives the body back, `/later` waits for the test, `/big` has a body of a million bytes,
/// `/forbidden` is refused before its body is read, `/strict` takes bodies of 10 bytes, and anything
/// else is answered with what the request was.
final class ScriptedHandler: HTTPHandler {
  /// Requests to `/later` that have no answer yet, with their queries.
  var waiting: [(reply: ReplyHandle, query: String)] = []
  var handledCount = 0
  var decidedCount = 0

  func decide(onHead head: HTTPRequest) -> HeadDecision {
    decidedCount += 1
    precondition(head.body.isEmpty, "a head has no body")
    switch head.path {
    case "/forbidden": return .answer(HTTPResponse(status: 401, body: Array("no".utf8)))
    case "/strict": return .accept(bodyLimit: 10)
    default: return .accept(bodyLimit: 1 << 20)
    }
  }

  func handle(_ request: HTTPRequest, _ reply: ReplyHandle) -> HTTPResponse? {
    handledCount += 1
    switch request.path {
    case "/echo": return HTTPResponse(status: 200, body: request.body)
    case "/big": return HTTPResponse(status: 200, body: [UInt8](repeating: 0x2A, count: 1_000_000))
    case "/later":
      waiting.append((reply, request.query ?? ""))
      return nil
    case "/closing":
      return HTTPResponse(status: 200, headers: [("Connection", "close")], body: Array("bye".utf8))
    case "/empty": return HTTPResponse(status: 204)
    case "/injected":
      return HTTPResponse(
        status: 200, headers: [("X-A", "1\r\nX-B: 2"), ("Content-Length", "999")], body: [])
    default: return HTTPResponse(status: 200, body: Array(Self.description(of: request).utf8))
    }
  }

  /// Answers the waiting request with that query, with the query as its body.
  func release(_ query: String, on server: HTTPServer) {
    guard let index = waiting.firstIndex(where: { $0.query == query }) else { return }
    let (reply, query) = waiting.remove(at: index)
    server.complete(reply, HTTPResponse(status: 200, body: Array(query.utf8)))
  }

  private static func description(of request: HTTPRequest) -> String {
    let query = request.query.map { "?\($0)" } ?? ""
    let host = request.headers["host"] ?? "-"
    return "\(request.methodText) \(request.path)\(query) \(host) \(request.body.count)"
  }
}
