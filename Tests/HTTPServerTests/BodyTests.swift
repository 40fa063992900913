import HTTPServer
import Testing

@Suite struct `a body` {
  static let chunked = "POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"

  @Test(arguments: [
    ("5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
    ("00a;name=\"v\"\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ("1 ; a=b\r\nx\r\n0\r\nTrailer: t\r\nOther: u\r\n\r\n", "x"),
    ("0\r\n\r\n", ""),
    ("0\r\nHost: elsewhere\r\nContent-Length: 7\r\n\r\n", ""),
  ])
  func `in chunks is put together`(chunks: String, body: String) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(Self.chunked + chunks + "GET /next HTTP/1.1\r\nHost: here\r\n\r\n")
    #expect(try client.response().body == body)
    #expect(try client.response().body == "GET /next here 0")
  }

  @Test(arguments: [
    chunked + "5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nA: b\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 15\r\n\r\nhello0123456789",
    "\r\nPOST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 15\r\n\r\nhello0123456789",
  ])
  func `is the same wherever the network cuts it`(request: String) throws {
    let server = try TestServer()
    let bytes = Array(request.utf8)
    let client = try TestClient(port: server.port)
    for cut in 1..<bytes.count {
      try client.send(Array(bytes[..<cut]))
      _ = server.onLoop { server, _ in server.openConnections }
      try client.send(Array(bytes[cut...]))
      #expect(try client.response().body == "hello0123456789")
    }
    for byte in bytes { try client.send([byte]) }
    #expect(try client.response().body == "hello0123456789")
  }

  @Test(arguments: ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
  func `of a megabyte arrives whole`(framing: String) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let body = "x".repeated(1_000_000)
    let wire = framing.hasPrefix("C") ? body : "f4240\r\n\(body)\r\n0\r\n\r\n"
    let response = try client.exchange(
      "POST /echo HTTP/1.1\r\nHost: here\r\n\(framing)\r\n\r\n" + wire)
    #expect(response.body == body)
  }

  @Test func `is asked for when the client waits to be asked`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n"
    #expect(try client.exchange(head).status == 100)
    #expect(try client.exchange("ok").body == "ok")
    // One that does not wait is not asked.
    #expect(try client.exchange(head + "ok").body == "ok")
  }

  @Test func `is asked for behind the answers to earlier requests`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    try client.send("GET /later?x HTTP/1.1\r\nHost: h\r\n\r\n" + head)
    #expect(server.wait { _, handler in handler.decidedCount == 2 })
    server.onLoop { server, handler in handler.release("x", on: server) }
    #expect(try client.response().body == "x")
    #expect(try client.response().status == 100)
    #expect(try client.exchange("ok").body == "ok")
  }

  @Test func `is not asked for when the head is refused`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(
      "POST /forbidden HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    #expect(try client.responsesToEnd().map(\.status) == [401])
  }

  @Test(arguments: [
    "Content-Length: 5\r\n\r\nhello",
    "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
  ])
  func `of a refused request is dropped when it is small`(framingAndBody: String) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let refused = "POST /forbidden HTTP/1.1\r\nHost: here\r\n" + framingAndBody
    #expect(try client.exchange(refused).status == 401)
    #expect(try client.exchange(refused + refused).status == 401)
    #expect(try client.response().status == 401)
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: here\r\n\r\n").status == 200)
    #expect(server.onLoop { _, handler in handler.handledCount } == 1)
  }

  @Test(arguments: [
    "Content-Length: 100000\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n186A0\r\n",
  ])
  func `of a refused request closes the connection when it is large`(framing: String) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("POST /forbidden HTTP/1.1\r\nHost: here\r\n\(framing)some")
    #expect(try client.responsesToEnd().map(\.status) == [401])
  }
}
