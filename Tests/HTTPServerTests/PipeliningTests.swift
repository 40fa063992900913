import HTTPServer
import Testing

@Suite struct `pipelined requests` {
  @Test func `are answered in order, whatever the order of the answers`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let names = (0..<8).map { "n\($0)" }
    try client.send(
      names.map { "GET /later?\($0) HTTP/1.1\r\nHost: here\r\n\r\n" }.joined()
        + "GET /now HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    #expect(server.wait { _, handler in handler.handledCount == 9 })
    for name in ["n3", "n0", "n7", "n1", "n2", "n6", "n5", "n4"] {
      server.onLoop { server, handler in handler.release(name, on: server) }
    }
    #expect(try client.responsesToEnd().map(\.body) == names + ["GET /now here 0"])
  }

  @Test func `are served by the thousand`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok".repeated(5_000))
    for _ in 0..<5_000 { #expect(try client.response().body == "ok") }
  }

  @Test func `are refused behind the answers to those before`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /later?x HTTP/1.1\r\nHost: here\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    server.onLoop { server, handler in handler.release("x", on: server) }
    #expect(try client.responsesToEnd().map(\.status) == [200, 400])
  }

  @Test func `wait while too many others are unanswered`() throws {
    let server = try TestServer { $0.pipelinedRequests = 4 }
    let client = try TestClient(port: server.port)
    for number in 0..<10 { try client.send("GET /later?\(number) HTTP/1.1\r\nHost: h\r\n\r\n") }
    #expect(server.wait { _, handler in handler.handledCount == 4 })
    for number in 0..<10 {
      #expect(server.wait { _, handler in handler.waiting.contains { $0.query == "\(number)" } })
      #expect(server.onLoop { _, handler in handler.waiting.count } <= 4)
      server.onLoop { server, handler in handler.release("\(number)", on: server) }
      #expect(try client.response().body == "\(number)")
    }
  }

  @Test func `wait while the bodies of others are too large together`() throws {
    let server = try TestServer { $0.pipelinedBytes = 150_000 }
    let client = try TestClient(port: server.port)
    let body = "b".repeated(100_000)
    for number in 0..<4 {
      try client.send(
        "POST /later?\(number) HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + body)
    }
    #expect(server.wait { _, handler in handler.handledCount == 2 })
    for number in 0..<4 {
      #expect(server.wait { _, handler in handler.waiting.contains { $0.query == "\(number)" } })
      #expect(server.onLoop { _, handler in handler.waiting.count } <= 2)
      server.onLoop { server, handler in handler.release("\(number)", on: server) }
      #expect(try client.response().body == "\(number)")
    }
  }
}
