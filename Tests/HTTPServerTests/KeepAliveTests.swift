import HTTPServer
import Testing

@Suite struct `a connection` {
  @Test func `serves one request after the other`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    for number in 1...3 {
      let response = try client.exchange("GET /\(number)?q=1 HTTP/1.1\r\nHost: here\r\n\r\n")
      #expect(response.status == 200)
      #expect(response.body == "GET /\(number)?q=1 here 0")
      #expect(response.headers["connection"] == nil)
    }
    #expect(server.onLoop { server, _ in server.openConnections } == 1)
  }

  @Test(arguments: [
    ("HTTP/1.1", "close", "close"),
    ("HTTP/1.1", "Keep-Alive, CLOSE", "close"),
    ("HTTP/1.0", "x", "close"),
    ("HTTP/1.1", "keep-alive", nil),
    ("HTTP/1.0", "keep-alive", "keep-alive"),
  ])
  func `lasts as version and header say`(version: String, header: String, answer: String?) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let request = "GET / \(version)\r\nHost: here\r\nConnection: \(header)\r\n\r\n"
    #expect(try client.exchange(request).headers["connection"] == answer)
    if answer == "close" {
      #expect(try client.isEnded())
    } else {
      #expect(try client.exchange(request).status == 200)
    }
  }

  @Test func `closes behind an answer that says so`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /closing HTTP/1.1\r\nHost: here\r\n\r\n".repeated(3))
    #expect(try client.responsesToEnd().map(\.body) == ["bye"])
  }

  @Test func `gives the whole answer to a client that has finished sending`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /big HTTP/1.1\r\nHost: here\r\n\r\n")
    try client.send("GET /later?x HTTP/1.1\r\nHost: here\r\n\r\n")
    client.finishSending()
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    server.onLoop { server, handler in handler.release("x", on: server) }
    #expect(try client.responsesToEnd().map(\.body.count) == [1_000_000, 1])
    #expect(server.wait { server, _ in server.openConnections == 0 })
  }

  @Test func `is forgotten when the client breaks it off while an answer is pending`() throws {
    let server = try TestServer()
    var client: TestClient? = try TestClient(port: server.port)
    try client?.send("GET /later?x HTTP/1.1\r\nHost: here\r\n\r\n")
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    client = nil
    server.onLoop { server, handler in handler.release("x", on: server) }
    #expect(server.wait { server, _ in server.openConnections == 0 })
  }

  @Test func `tolerates empty lines before a request`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    for _ in 1...2 {
      let response = try client.exchange("\r\n\r\nGET / HTTP/1.1\r\nHost: here\r\n\r\n\r\n")
      #expect(response.status == 200)
    }
  }
}

extension String {
  func repeated(_ count: Int) -> String {
    String(repeating: self, count: count)
  }
}
