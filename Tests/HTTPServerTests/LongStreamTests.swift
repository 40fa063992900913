import Foundation
import HTTPServer
import Testing

@Suite struct `a long stream` {
  private func open(_ server: TestServer, receiveBuffer: Int32? = nil) throws -> TestClient {
    let client = try TestClient(port: server.port, receiveBuffer: receiveBuffer)
    try client.send("GET /stream?s HTTP/1.1\r\nHost: h\r\n\r\n")
    _ = try client.text(through: "\r\n\r\n")
    return client
  }

  @Test func `goes on whenever everything is sent, and never passes the bound`() throws {
    let server = try TestServer { $0.streamPendingBytes = 10_000 }
    let client = try open(server)
    server.onLoop { _, handler in
      handler.refill = ("p".repeated(9_000), 1_000)
      handler.notifyWhenSent("s")
    }
    let text = try client.textThroughEndOfChunks()
    #expect(text.utf8.count == 1_000 * 9_008 + 5)
    server.onLoop { _, handler in
      #expect(handler.sent.count == 1_001)
      #expect(handler.closures.isEmpty)
    }
  }

  @Test func `leaves others their turn`() throws {
    let server = try TestServer()
    let client = try open(server)
    server.onLoop { _, handler in
      handler.refill = ("p", 1_000_000)
      handler.notifyWhenSent("s")
    }
    let other = try TestClient(port: server.port)
    for _ in 0..<20 {
      #expect(try other.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    }
    #expect(server.onLoop { _, handler in handler.refill?.times ?? 0 } > 0)
    withExtendedLifetime(client) {}
  }

  @Test func `is told of once for each time it was asked`() throws {
    let server = try TestServer()
    let client = try open(server)
    server.onLoop { _, handler in
      handler.refill = ("x", 1)
      #expect(handler.write("one", to: "s"))
      handler.notifyWhenSent("s")
      handler.notifyWhenSent("s")
      #expect(handler.sent.isEmpty, "it is not told from within a call")
    }
    #expect(try client.textThroughEndOfChunks() == "3\r\none\r\n1\r\nx\r\n0\r\n\r\n")
    #expect(server.onLoop { _, handler in handler.sent } == ["s", "s"])
  }

  @Test func `is not told of unasked`() throws {
    let server = try TestServer()
    let client = try open(server)
    server.onLoop { _, handler in handler.notifyWhenSent("s") }
    for piece in ["one", "two"] {
      #expect(server.onLoop { _, handler in handler.write(piece, to: "s") })
      #expect(try client.text(through: piece + "\r\n") == "3\r\n\(piece)\r\n")
    }
    usleep(30_000)
    #expect(server.onLoop { _, handler in handler.sent } == ["s"])
  }

  @Test func `waits for a client that does not read`() throws {
    let server = try TestServer { $0.streamPendingBytes = 100_000_000 }
    let client = try open(server, receiveBuffer: 4_096)
    server.onLoop { _, handler in
      handler.refill = ("", 0)
      #expect(handler.write("p".repeated(20_000_000), to: "s"))
      handler.notifyWhenSent("s")
    }
    usleep(100_000)
    #expect(server.onLoop { _, handler in handler.sent.isEmpty })
    #expect(try client.textThroughEndOfChunks().hasSuffix("p\r\n0\r\n\r\n"))
    #expect(server.onLoop { _, handler in handler.sent } == ["s"])
  }

  @Test func `is not sent before its turn`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(
      "GET /later?x HTTP/1.1\r\nHost: h\r\n\r\nGET /stream?s HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(server.wait { _, handler in handler.streams.count == 1 })
    server.onLoop { _, handler in
      handler.refill = ("", 0)
      #expect(handler.write("one", to: "s"))
      handler.notifyWhenSent("s")
    }
    usleep(50_000)
    #expect(server.onLoop { _, handler in handler.sent.isEmpty })
    server.onLoop { server, handler in handler.release("x", on: server) }
    #expect(try client.response().body == "x")
    #expect(try client.textThroughEndOfChunks().hasSuffix("3\r\none\r\n0\r\n\r\n"))
  }

  @Test func `that is broken off does not look complete`() throws {
    let server = try TestServer()
    let client = try open(server)
    server.onLoop { server, handler in
      #expect(handler.write("half", to: "s"))
      if let handle = handler.streams["s"] {
        server.abort(handle)
        server.abort(handle)
      }
      #expect(!handler.write("late", to: "s"))
      #expect(server.openConnections == 0)
    }
    #expect(try client.isReset())
    usleep(30_000)
    #expect(server.onLoop { _, handler in handler.closures.isEmpty })
  }
}
