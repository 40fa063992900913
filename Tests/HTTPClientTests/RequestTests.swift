import Foundation
import HTTPClient
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct `a request` {
  /// What the server reads when the client sends this.
  static func wire(
    _ method: String, _ path: String = "/", _ headers: [(name: String, value: String)] = [],
    _ body: String = ""
  ) throws -> [String] {
    let seen = Mutex("")
    let server = try LoopbackServer { connection in
      let request = connection.request() ?? ""
      seen.withLock { $0 = request }
      connection.answer()
    }
    let answer = try ClientOnLoop().answer(
      OutgoingRequest(
        method: method, url: server.url(path), headers: headers, body: Array(body.utf8)))
    #expect(answer.status == 200)
    let text = seen.withLock { $0 }.replacing("127.0.0.1:\(server.port)", with: "HOST")
    return text.components(separatedBy: "\r\n")
  }

  @Test func `is on the wire what it was told to be`() throws {
    let headers = [
      ("Authorization", "Bearer k"), ("content-type", "application/json"), ("X-A", ""),
    ]
    #expect(
      try Self.wire("POST", "/v1/chat?x=1#here", headers, "{}") == [
        "POST /v1/chat?x=1 HTTP/1.1", "Host: HOST", "Accept: */*", "accept-encoding: identity",
        "Authorization: Bearer k", "content-type: application/json", "X-A:",
        "Content-Length: 2", "", "{}",
      ])
  }

  @Test(arguments: ["GET", "HEAD", "DELETE", "POST", "PUT", "QUERY"])
  func `goes out with its method and without a content type of libcurl's`(method: String) throws {
    let lines = try Self.wire(method)
    #expect(lines[0] == "\(method) / HTTP/1.1")
    #expect(!lines.contains { $0.lowercased().hasPrefix("content-type") })
    #expect(lines.contains("Content-Length: 0") == !["GET", "HEAD"].contains(method))
  }

  @Test func `does not wait to be told to go on`() throws {
    let lines = try Self.wire("POST", "/", [], String(repeating: "x", count: 2_000_000))
    #expect(!lines.contains { $0.lowercased().hasPrefix("expect") })
    #expect(lines.last?.utf8.count == 2_000_000)
  }

  @Test func `leaves out fields that frame it or belong to the connection`() throws {
    let own = [
      ("Content-Length", "5"), ("transfer-encoding", "chunked"), ("Host", "elsewhere"),
      ("Connection", "close"), ("EXPECT", "100-continue"), ("Accept-Encoding", "gzip"),
      ("te", "trailers"), ("Upgrade", "h2c"), ("X-Kept", "yes"),
    ]
    #expect(
      try Self.wire("POST", "/", own, "{}") == [
        "POST / HTTP/1.1", "Host: HOST", "Accept: */*", "accept-encoding: identity",
        "X-Kept: yes", "Content-Length: 2", "", "{}",
      ])
  }

  @Test(arguments: [
    ("X-A", "1\r\nX-B: 2"), ("X-A", "1\n2"), ("X-A", "1\r2"), ("X-A", "1\u{0}2"),
    ("X-A", "\u{7F}"), ("X-A\r\nX-B", "1"), ("X A", "1"), ("X:A", "1"), ("", "1"), ("X-Ä", "1"),
  ])
  func `with a field that could be read as another is refused before anything is sent`(
    name: String, value: String
  ) throws {
    let server = try LoopbackServer { _ in }
    let on = try ClientOnLoop()
    let headers = [("x-fine", "1"), (name, value)]
    #expect(throws: HTTPClientFailure.unusableHeader(index: 1)) {
      try on.send(OutgoingRequest(method: "GET", url: server.url(), headers: headers))
    }
    try on.run(milliseconds: 50)
    #expect(server.connectionCount == 0)
  }

  @Test(arguments: [
    "", "/v1", "127.0.0.1:80/", "ftp://127.0.0.1/", "file:///etc/hosts", "http://", "http://a b/",
    "http://127.0.0.1:80\r\nX: 1/", "http://127.0.0.1:99999/", "http://127.0.0.1/\u{0}", "HTTPS:/",
  ])
  func `to an unusable address is refused`(url: String) throws {
    let on = try ClientOnLoop()
    #expect(throws: HTTPClientFailure.unusableURL) {
      try on.send(OutgoingRequest(method: "GET", url: url))
    }
  }

  @Test(arguments: ["", "GET /", "GET\r\n", "P OST"])
  func `with an unusable method is refused`(method: String) throws {
    let on = try ClientOnLoop()
    #expect(throws: HTTPClientFailure.unusableMethod) {
      try on.send(OutgoingRequest(method: method, url: "http://127.0.0.1/"))
    }
  }
}
