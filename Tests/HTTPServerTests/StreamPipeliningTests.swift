import Foundation
import HTTPServer
import Testing

@Suite struct `pipelined behind a stream` {
  static func get(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n" }

  @Test func `answers wait for its end, in order`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(Self.get("/stream?a") + Self.get("/now") + Self.get("/later?x"))
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    server.onLoop { server, handler in
      handler.release("x", on: server)
      #expect(handler.write("one", to: "a"))
    }
    _ = try client.text(through: "\r\n\r\n")
    #expect(try client.text(through: "one\r\n") == "3\r\none\r\n")
    usleep(50_000)
    server.onLoop { _, handler in
      #expect(handler.write("two", to: "a"))
      handler.end("a")
    }
    #expect(try client.text(through: "0\r\n\r\n") == "3\r\ntwo\r\n0\r\n\r\n")
    #expect(try client.response().body == "GET /now h 0")
    #expect(try client.response().body == "x")
  }

  @Test func `a stream keeps what is written until its turn`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(
      Self.get("/later?x") + Self.get("/stream?a") + Self.get("/stream?b") + Self.get("/now"))
    #expect(server.wait { _, handler in handler.streams.count == 2 && handler.handledCount == 4 })
    server.onLoop { server, handler in
      #expect(handler.write("a1", to: "a") && handler.write("b1", to: "b"))
      if let handle = handler.streams["b"] { #expect(server.pendingBytes(handle) == 7) }
      handler.end("b")
      #expect(!handler.write("b2", to: "b"))
      handler.release("x", on: server)
    }
    #expect(try client.response().body == "x")
    #expect(try client.text(through: "a1\r\n").hasSuffix("\r\n\r\n2\r\na1\r\n"))
    server.onLoop { _, handler in
      #expect(handler.write("a2", to: "a"))
      handler.end("a")
    }
    #expect(try client.text(through: "0\r\n\r\n") == "2\r\na2\r\n0\r\n\r\n")
    #expect(try client.text(through: "0\r\n\r\n").hasSuffix("\r\n\r\n2\r\nb1\r\n0\r\n\r\n"))
    #expect(try client.response().body == "GET /now h 0")
  }

  @Test func `requests are as bounded as ever`() throws {
    let server = try TestServer { $0.pipelinedRequests = 4 }
    let client = try TestClient(port: server.port)
    try client.send(Self.get("/stream?a") + Self.get("/later?x").repeated(20))
    #expect(server.wait { _, handler in handler.handledCount == 4 })
    usleep(50_000)
    #expect(server.onLoop { _, handler in handler.handledCount } == 4)
    server.onLoop { _, handler in handler.end("a") }
    #expect(server.wait { _, handler in handler.handledCount == 5 })
  }

  @Test func `a stream that will have no turn is closed`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(Self.get("/later?x") + Self.get("/closing") + Self.get("/stream?a"))
    #expect(server.wait { _, handler in handler.streams.count == 1 })
    server.onLoop { server, handler in handler.release("x", on: server) }
    #expect(try client.responsesToEnd().map(\.body) == ["x", "bye"])
    #expect(server.wait { _, handler in handler.closures.count == 1 })
    server.onLoop { _, handler in
      #expect(handler.closures.first?.reason == .connectionGone)
      #expect(!handler.write("late", to: "a"))
    }
  }

  @Test func `streams that wait are bounded together`() throws {
    let server = try TestServer { $0.streamPendingBytes = 1_000 }
    let client = try TestClient(port: server.port)
    try client.send(Self.get("/later?x") + Self.get("/stream?a") + Self.get("/stream?b"))
    #expect(server.wait { _, handler in handler.streams.count == 2 })
    server.onLoop { _, handler in
      let piece = "p".repeated(400)
      #expect(handler.write(piece, to: "a") && handler.write(piece, to: "b"))
      #expect(!handler.write(piece, to: "b"))
    }
    #expect(server.wait { _, handler in handler.closures.count == 2 })
    #expect(server.onLoop { server, _ in server.openConnections } == 0)
  }

  @Test func `requests are read to the last when the client sends no more`() throws {
    let server = try TestServer { $0.pipelinedRequests = 2 }
    let client = try TestClient(port: server.port)
    try client.send(
      Self.get("/later?x") + Self.get("/later?y") + Self.get("/stream?a") + Self.get("/now"))
    client.finishSending()
    #expect(server.wait { _, handler in handler.handledCount == 2 })
    usleep(50_000)
    server.onLoop { server, handler in
      for name in ["x", "y"] { handler.release(name, on: server) }
    }
    #expect(server.wait { _, handler in handler.handledCount == 4 })
    server.onLoop { _, handler in handler.end("a") }
    #expect(try client.textToEnd().hasSuffix("GET /now h 0"))
  }

  @Test func `requests are not handled once the stream is cut off`() throws {
    let server = try TestServer { $0.streamPendingBytes = 1_000 }
    let client = try TestClient(port: server.port)
    try client.send(Self.get("/flood?2000") + Self.get("/now"))
    #expect(server.wait { _, handler in handler.closures.count == 1 })
    #expect(server.onLoop { _, handler in handler.handledCount } == 1)
    #expect(try client.isEnded())
  }

  @Test func `a stream owes only what is its own`() throws {
    let server = try TestServer { $0.streamPendingBytes = 1_000 }
    let client = try TestClient(port: server.port)
    try client.send(Self.get("/later?x") + Self.get("/stream?a"))
    #expect(server.wait { _, handler in handler.handledCount == 2 })
    server.onLoop { server, handler in
      let big = HTTPResponse(status: 200, body: [UInt8](repeating: 0x2A, count: 100_000))
      server.complete(handler.waiting[0].reply, big)
      #expect(handler.write("ab", to: "a") && handler.write("cd", to: "a"))
      if let handle = handler.streams["a"] { #expect(server.pendingBytes(handle) == 14) }
      handler.end("a")
    }
    #expect(try client.response().body.utf8.count == 100_000)
    #expect(try client.text(through: "0\r\n\r\n").hasSuffix("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"))
  }

  @Test func `a stream that waits for its turn ends with its client`() throws {
    let server = try TestServer()
    var client: TestClient? = try TestClient(port: server.port)
    try client?.send(Self.get("/later?x") + Self.get("/later?a"))
    client?.finishSending()
    #expect(server.wait { _, handler in handler.waiting.count == 2 })
    usleep(50_000)
    server.onLoop { _, handler in handler.beginWaiting("a") }
    client?.resetOnClose()
    client = nil
    #expect(server.wait { _, handler in handler.closures.count == 1 })
    #expect(server.onLoop { server, _ in server.openConnections } == 0)
  }

  @Test func `a request that was left to the kernel is read behind it`() throws {
    let server = try TestServer { $0.pipelinedRequests = 1 }
    let client = try TestClient(port: server.port)
    try client.send(Self.get("/stream?a"))
    _ = try client.text(through: "\r\n\r\n")
    let body = "b".repeated(300_000)
    try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" + body)
    usleep(50_000)
    #expect(server.onLoop { _, handler in handler.decidedCount } == 1)
    server.onLoop { _, handler in handler.end("a") }
    #expect(try client.text(through: "0\r\n\r\n") == "0\r\n\r\n")
    #expect(try client.response().body == body)
  }
}
