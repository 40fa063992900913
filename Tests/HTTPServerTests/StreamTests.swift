import Foundation
import HTTPServer
import Testing

@Suite struct `a stream` {
  static let get = "GET /stream?s HTTP/1.1\r\nHost: h\r\n\r\n"

  @Test func `sends its head at once and each piece as a chunk`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(Self.get)
    let head = try client.text(through: "\r\n\r\n")
    #expect(head.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"))
    #expect(head.contains("\r\nTransfer-Encoding: chunked\r\n"))
    #expect(!head.contains("Content-Length") && !head.contains("Connection:"))
    for (size, digits) in [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (4_096, "1000")] {
      let piece = "x".repeated(size)
      #expect(server.onLoop { _, handler in handler.write(piece, to: "s") })
      let chunk = "\(digits)\r\n\(piece)\r\n"
      #expect(try client.text(through: "x\r\n") == chunk)
    }
    server.onLoop { _, handler in
      #expect(handler.write("", to: "s"))
      #expect(handler.write("ab", to: "s"))
      handler.end("s")
    }
    #expect(try client.text(through: "0\r\n\r\n") == "2\r\nab\r\n0\r\n\r\n")
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").body == "GET / h 0")
    #expect(server.onLoop { _, handler in handler.closures.isEmpty })
  }

  @Test func `can be the deferred answer`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /later?s HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    server.onLoop { _, handler in
      handler.beginWaiting("s")
      _ = handler.write("piece", to: "s")
      handler.end("s")
    }
    #expect(try client.text(through: "0\r\n\r\n").hasSuffix("\r\n\r\n5\r\npiece\r\n0\r\n\r\n"))
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
  }

  @Test func `lasts until the connection closes in HTTP 1.0`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /stream?s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    let head = try client.text(through: "\r\n\r\n")
    #expect(head.contains("\r\nConnection: close\r\n") && !head.contains("Transfer-Encoding"))
    server.onLoop { _, handler in
      _ = handler.write("one\n", to: "s")
      _ = handler.write("two\n", to: "s")
    }
    #expect(try client.text(through: "two\n") == "one\ntwo\n")
    try client.send("GET /behind HTTP/1.1\r\nHost: h\r\n\r\n")
    usleep(50_000)
    #expect(server.onLoop { _, handler in handler.handledCount } == 1)
    server.onLoop { _, handler in handler.end("s") }
    #expect(try client.isEnded())
    client.finishSending()
    #expect(server.wait { server, _ in server.openConnections == 0 })
  }

  @Test func `is the last answer in HTTP 1.0, also to requests behind it`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(
      "GET /later?s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".appending(
        "GET /later?x HTTP/1.1\r\nHost: h\r\n\r\n"))
    #expect(server.wait { _, handler in handler.waiting.count == 2 })
    server.onLoop { server, handler in
      handler.release("x", on: server)
      handler.beginWaiting("s")
      _ = handler.write("piece", to: "s")
      handler.end("s")
    }
    let text = try client.textToEnd()
    #expect(text.contains("Connection: close\r\n") && text.hasSuffix("\r\n\r\npiece"))
  }

  @Test(arguments: ["1.0", "1.1"])
  func `has only a head for HEAD`(version: String) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let fields = "Host: h\r\nConnection: keep-alive\r\n\r\n"
    try client.send("HEAD /stream?s HTTP/\(version)\r\n\(fields)")
    #expect(try client.response(toHead: true).headers["content-type"] == "text/event-stream")
    #expect(server.onLoop { _, handler in handler.streams["s"] } == nil)
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").body == "GET / h 0")
  }

  @Test func `closes the connection behind it when the client wants that`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /stream?s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    #expect(try client.text(through: "\r\n\r\n").contains("\r\nConnection: close\r\n"))
    server.onLoop { _, handler in handler.end("s") }
    #expect(try client.textToEnd() == "0\r\n\r\n")
  }

  @Test func `takes nothing after its end`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(Self.get)
    #expect(server.wait { _, handler in handler.streams.count == 1 })
    server.onLoop { server, handler in
      handler.end("s")
      handler.end("s")
      #expect(!handler.write("late", to: "s"))
      if let handle = handler.streams["s"] { #expect(server.pendingBytes(handle) == 0) }
    }
    #expect(try client.text(through: "0\r\n\r\n").hasSuffix("\r\n\r\n0\r\n\r\n"))
    try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(try client.text(through: "h 0").hasPrefix("HTTP/1.1 200 OK\r\n"))
  }

  @Test func `is the only answer to its request`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /later?s HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    server.onLoop { server, handler in
      let reply = handler.waiting[0].reply
      handler.beginWaiting("s")
      server.complete(reply, HTTPResponse(status: 500))
      #expect(server.beginStream(reply, status: 500) == nil)
      handler.end("s")
      #expect(server.beginStream(reply, status: 500) == nil)
    }
    #expect(try client.text(through: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK"))
    #expect(try client.text(through: "\r\n\r\n") == "0\r\n\r\n")
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
  }

  @Test func `is never idle, however long it rests`() throws {
    let server = try TestServer { limits in
      limits.idleSeconds = 1
      limits.requestSeconds = 1
      limits.writeSeconds = 1
    }
    let client = try TestClient(port: server.port)
    try client.send(Self.get)
    _ = try client.text(through: "\r\n\r\n")
    #expect(server.onLoop { _, handler in handler.write("first", to: "s") })
    #expect(try client.text(through: "first\r\n") == "5\r\nfirst\r\n")
    usleep(2_300_000)
    #expect(server.onLoop { _, handler in handler.write("still", to: "s") })
    #expect(try client.text(through: "still\r\n") == "5\r\nstill\r\n")
  }
}
