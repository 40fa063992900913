import HTTPServer
import Testing

@Suite struct `an answer` {
  @Test func `has the length and the date`() throws {
    let server = try TestServer()
    let response = try TestClient(port: server.port).exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(response.headers["content-length"] == "9")
    let date = try #require(response.headers["date"])
    #expect(date.wholeMatch(of: /\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/) != nil)
  }

  @Test func `to HEAD is that to GET without its body`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("HEAD /big HTTP/1.1\r\nHost: here\r\n\r\n")
    let response = try client.response(toHead: true)
    #expect(response.headers["content-length"] == "1000000")
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: here\r\n\r\n").body == "GET / here 0")
  }

  @Test func `without content has no length`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let response = try client.exchange("GET /empty HTTP/1.1\r\nHost: here\r\n\r\n")
    #expect(response.status == 204)
    #expect(response.headers["content-length"] == nil)
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: here\r\n\r\n").status == 200)
  }

  @Test func `cannot smuggle a header in through a value`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let response = try client.exchange("GET /injected HTTP/1.1\r\nHost: here\r\n\r\n")
    #expect(response.headers["x-b"] == nil)
    #expect(response.headers["x-a"] == "1  X-B: 2")
    #expect(response.headers["content-length"] == "0")
  }

  @Test func `to a request that has one already is ignored`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /later?x HTTP/1.1\r\nHost: here\r\n\r\n")
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    server.onLoop { server, handler in
      let again = handler.waiting
      handler.release("x", on: server)
      handler.waiting = again
      handler.release("x", on: server)
    }
    #expect(try client.response().body == "x")
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: here\r\n\r\n").body == "GET / here 0")
  }

  @Test func `to a connection that is gone does not reach the next one in its place`() throws {
    let server = try TestServer()
    var client: TestClient? = try TestClient(port: server.port)
    try client?.send("GET /later?old HTTP/1.1\r\nHost: here\r\n\r\n")
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    client = nil
    server.onLoop { server, handler in
      let kept = handler.waiting
      handler.release("old", on: server)
      handler.waiting = kept
    }
    #expect(server.wait { server, _ in server.openConnections == 0 })
    let next = try TestClient(port: server.port)
    try next.send("GET /later?new HTTP/1.1\r\nHost: here\r\n\r\n")
    #expect(server.wait { _, handler in handler.waiting.count == 2 })
    server.onLoop { server, handler in
      handler.release("old", on: server)
      handler.release("new", on: server)
    }
    #expect(try next.response().body == "new")
  }
}
