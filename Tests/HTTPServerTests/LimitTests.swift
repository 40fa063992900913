import Foundation
import HTTPServer
import Testing

@Suite struct `limits` {
  struct Example: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let request: String
    let status: Int
    var adjust: @Sendable (inout HTTPServerLimits) -> Void = { _ in }

    init(
      _ name: String, _ request: String, _ status: Int,
      _ adjust: @escaping @Sendable (inout HTTPServerLimits) -> Void = { _ in }
    ) {
      testDescription = name
      self.request = request
      self.status = status
      self.adjust = adjust
    }
  }

  static let post = "POST /echo HTTP/1.1\r\nHost: here\r\n"
  static let fields = (0..<100).map { "F\($0): v\r\n" }.joined()

  static let examples = [
    Example("target too long", "GET /\("a".repeated(8_200)) HTTP/1.1\r\nHost: h\r\n\r\n", 414),
    Example("target without end", "GET /" + "a".repeated(9_000), 414),
    Example("target as long as may be", "GET /aaa HTTP/1.1\r\nHost: h\r\n\r\n", 200) {
      $0.requestLineBytes = 19
    },
    Example("target one longer", "GET /aaaa HTTP/1.1\r\nHost: h\r\n\r\n", 414) {
      $0.requestLineBytes = 19
    },
    Example("head too large", "GET / HTTP/1.1\r\nA: \("a".repeated(17_000))\r\n\r\n", 431),
    Example("head without end", "GET / HTTP/1.1\r\nA: " + "a".repeated(17_000), 431),
    Example("head as large as may be", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200) {
      $0.headBytes = 27
    },
    Example("head one larger", "GET / HTTP/1.1\r\nHost: hh\r\n\r\n", 431) { $0.headBytes = 27 },
    Example(
      "as many fields as may be", "GET / HTTP/1.1\r\nHost: h\r\n\(fields.dropLast(8))\r\n\r\n", 200),
    Example("one field more", "GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n", 431),
    Example("a body longer than the handler allows", strict(length: 11), 413),
    Example("a body as long as the handler allows", strict(length: 10) + "0123456789", 200),
    Example("chunks longer than the handler allows", strictChunks + "B\r\n", 413),
    Example("chunks that grow too long", strictChunks + "A\r\n0123456789\r\n1\r\n", 413),
    Example(
      "chunks as long as the handler allows", strictChunks + "A\r\n0123456789\r\n0\r\n\r\n", 200),
    Example("a body longer than the server allows", post + "Content-Length: 101\r\n\r\n", 413) {
      $0.bodyBytes = 100
    },
    Example("a length past all bounds", post + "Content-Length: 9223372036854775807\r\n\r\n", 413),
    Example("a chunk past all bounds", chunks + "7fffffffffffffff\r\n", 413),
    Example("a chunk size that overflows", chunks + "ffffffffffffffffffff\r\n", 413),
    Example(
      "a chunk extension too long", chunks + "1;\("e".repeated(2_000))\r\nx\r\n0\r\n\r\n", 400),
    Example("a trailer too large", chunks + "0\r\nA: \("a".repeated(17_000))\r\n\r\n", 400),
    Example("a trailer with too many fields", chunks + "0\r\n\(fields)One: more\r\n\r\n", 431),
  ]

  static let chunks = post + "Transfer-Encoding: chunked\r\n\r\n"
  static let strictChunks = "POST /strict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

  static func strict(length: Int) -> String {
    "POST /strict HTTP/1.1\r\nHost: h\r\nContent-Length: \(length)\r\n\r\n"
  }

  @Test(arguments: examples)
  func `of a request`(example: Example) throws {
    let server = try TestServer(example.adjust)
    let client = try TestClient(port: server.port)
    try client.send(example.request)
    let response = try client.response()
    #expect(response.status == example.status)
    if response.status != 200 {
      #expect(response.headers["content-type"] == "application/json")
      #expect(response.body.hasPrefix(#"{"detail":""#))
      #expect(try client.isEnded())
    }
  }

  @Test func `of connections turn further ones away with word of it`() throws {
    let server = try TestServer { $0.connections = 2 }
    let clients = try (0..<2).map { _ in try TestClient(port: server.port) }
    for client in clients {
      #expect(try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    }
    for _ in 0..<3 {
      let further = try TestClient(port: server.port)
      #expect(try further.responsesToEnd().map(\.status) == [503])
    }
    for client in clients {
      #expect(try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    }
    #expect(server.wait { server, _ in server.openConnections == 2 })
  }

  @Test func `of bodies in all connections turn away the one that passes them`() throws {
    let server = try TestServer { $0.bodyBytesInTotal = 150_000 }
    let head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n"
    for _ in 0..<3 {
      let first = try TestClient(port: server.port)
      try first.send(head + "x".repeated(100_000))
      #expect(server.wait { _, handler in handler.decidedCount % 2 == 1 })
      // Each turn of the loop reads what has arrived, up to 64 KiB.
      for _ in 0..<20 where server.onLoop({ server, _ in server.openConnections > 0 }) {
        usleep(1_000)
      }
      let second = try TestClient(port: server.port)
      try second.send(head + "x".repeated(100_000))
      let refused = try second.responsesToEnd()
      #expect(refused.map(\.status) == [503])
      #expect(refused.first?.headers["retry-after"] == "1")
      #expect(try first.exchange("x").status == 200)
    }
  }

  @Test func `of connections make room again`() throws {
    let server = try TestServer { $0.connections = 1 }
    for _ in 0..<3 {
      let client = try TestClient(port: server.port)
      let request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
      #expect(try client.exchange(request).status == 200)
      #expect(try client.isEnded())
      client.finishSending()
      #expect(server.wait { server, _ in server.openConnections == 0 })
    }
  }

  @Test func `hold under a flood of connections`() throws {
    let server = try TestServer { $0.connections = 10 }
    let clients = try (0..<200).map { _ in try TestClient(port: server.port) }
    #expect(server.wait { server, _ in server.openConnections <= 74 })
    #expect(try clients[0].exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
  }
}
