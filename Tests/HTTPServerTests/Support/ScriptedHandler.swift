import HTTPServer

/// A handler whose answer depends on the path.
///
/// `/echo` gives the body back, `/later` waits for the test, `/big` has a body of a million bytes,
/// `/forbidden` is refused before its body is read, `/strict` takes bodies of 10 bytes, `/stream` is
/// answered by a stream, `/flood` by one to which as many bytes as the query says are written at once,
/// `/work` does what the test wants,
/// and anything else with what the request was.
final class ScriptedHandler: HTTPHandler {
  /// Requests to `/later` that have no answer yet, with their queries.
  var waiting: [(reply: ReplyHandle, query: String)] = []
  /// Streams begun by requests to `/stream` or by the test, by query or name.
  var streams: [String: StreamHandle] = [:]
  /// What the handler was told of the end of streams, in order.
  var closures: [(name: String, reason: StreamClosure)] = []
  /// Streams of which it was told that everything is sent, in order.
  var sent: [String] = []
  /// Written to a stream whenever everything is sent, for so many times; then it is ended.
  var refill: (text: String, times: Int)?
  unowned var server: HTTPServer?
  var handledCount = 0
  var decidedCount = 0
  /// Called by requests to `/work`, with their queries.
  var onWork: (String) -> Void = { _ in }
  var latestParty: UInt64 = 0

  func decide(onHead head: HTTPRequest) -> HeadDecision {
    decidedCount += 1
    latestParty = 0
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
    case "/stream":
      begin(request.query ?? "", reply)
      return nil
    case "/flood":
      begin("flood", reply)
      let bytes = request.query.flatMap { Int($0) } ?? 0
      for _ in 0..<4 { _ = write(String(repeating: "f", count: bytes / 4), to: "flood") }
      return nil
    case "/closing":
      return HTTPResponse(status: 200, headers: [("Connection", "close")], body: Array("bye".utf8))
    case "/work":
      onWork(request.query ?? "")
      return HTTPResponse(status: 204)
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

  /// Begins the answer to a waiting request as a stream of that name.
  func beginWaiting(_ name: String) {
    guard let index = waiting.firstIndex(where: { $0.query == name }) else { return }
    begin(name, waiting.remove(at: index).reply)
  }

  func write(_ text: String, to name: String) -> Bool {
    guard let handle = streams[name] else { return false }
    return server?.write(Array(text.utf8), to: handle) ?? false
  }

  func end(_ name: String) {
    if let handle = streams[name] { server?.end(handle) }
  }

  func streamClosed(_ handle: StreamHandle, _ reason: StreamClosure) {
    let name = streams.first { $0.value == handle }?.key
    closures.append((name ?? "?", reason))
  }

  func notifyWhenSent(_ name: String) {
    if let handle = streams[name] { server?.notifyWhenSent(handle) }
  }

  func streamSent(_ handle: StreamHandle) {
    guard let name = streams.first(where: { $0.value == handle })?.key else { return }
    sent.append(name)
    guard let (text, times) = refill else { return }
    guard times > 0 else { return end(name) }
    refill = (text, times - 1)
    _ = write(text, to: name)
    notifyWhenSent(name)
  }

  private func begin(_ name: String, _ reply: ReplyHandle) {
    streams[name] = server?.beginStream(
      reply, status: 200, headers: [("Content-Type", "text/event-stream")])
  }

  private static func description(of request: HTTPRequest) -> String {
    let query = request.query.map { "?\($0)" } ?? ""
    let host = request.headers["host"] ?? "-"
    return "\(request.methodText) \(request.path)\(query) \(host) \(request.body.count)"
  }
}
