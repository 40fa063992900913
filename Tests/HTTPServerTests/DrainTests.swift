import EventLoop
import Foundation
import HTTPServer
import Testing

@Suite struct `a draining server` {
  /// Starts to drain; the result is given when the server says that it has.
  private func drain(_ server: TestServer, seconds: Int = 4) -> Handover<Bool> {
    let drained = Handover<Bool>()
    server.onLoop { server, _ in
      server.drain(deadlineSeconds: seconds) { drained.give(true) }
    }
    return drained
  }

  @Test func `is done at once when nothing is open`() throws {
    let server = try TestServer()
    #expect(drain(server).take(withinSeconds: 1) == true)
  }

  @Test func `closes what rests and takes no more connections`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: here\r\n\r\n").status == 200)
    let drained = drain(server)
    #expect(try client.isEnded())
    #expect(drained.take(withinSeconds: 1) == true)
    #expect(throws: TestClient.Failure.self) { try TestClient(port: server.port) }
  }

  @Test func `finishes what runs`() throws {
    let server = try TestServer()
    let waiting = try TestClient(port: server.port)
    try waiting.send(
      "GET /later?a HTTP/1.1\r\nHost: h\r\n\r\nGET /later?b HTTP/1.1\r\nHost: h\r\n\r\n")
    let sending = try TestClient(port: server.port)
    try sending.send("POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nab")
    #expect(server.wait { _, handler in handler.decidedCount == 3 })
    let drained = drain(server)
    #expect(drained.take(withinSeconds: 0.2) == nil)
    try sending.send("cd")
    let last = try sending.responsesToEnd()
    #expect(last.map(\.body) == ["abcd"])
    #expect(last.first?.headers["connection"] == "close")
    for name in ["b", "a"] { server.onLoop { $1.release(name, on: $0) } }
    let answers = try waiting.responsesToEnd()
    #expect(answers.map(\.body) == ["a", "b"])
    #expect(answers.map { $0.headers["connection"] } == [nil, "close"])
    sending.finishSending()
    waiting.finishSending()
    #expect(drained.take(withinSeconds: 2) == true)
  }

  @Test(arguments: [
    "G", "GET / HTTP/1.1\r\nHost: here\r\n", "GET /x HTTP/1.1\r\nHost: h\r\n\r\nPO",
  ])
  func `does not wait for the rest of a head`(beginning: String) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send(beginning)
    // Whatever has come is read before a later client's request.
    let later = try TestClient(port: server.port)
    #expect(try later.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    let drained = drain(server, seconds: 60)
    _ = try client.textToEnd()
    client.finishSending()
    #expect(drained.take(withinSeconds: 4) == true)
  }

  @Test func `closes behind a body that it drops`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("POST /forbidden HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nab")
    #expect(try client.response().status == 401)
    let drained = drain(server)
    #expect(drained.take(withinSeconds: 0.1) == nil)
    try client.send("cd")
    #expect(try client.isEnded())
    client.finishSending()
    #expect(drained.take(withinSeconds: 1) == true)
  }

  @Test func `gives up at its deadline`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /later?x HTTP/1.1\r\nHost: here\r\n\r\n")
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    let drained = drain(server, seconds: 1)
    #expect(drained.take(withinSeconds: 0.5) == nil)
    #expect(drained.take(withinSeconds: 2) == true)
    #expect(try client.isEnded())
  }
}

@Suite struct `a server that cannot start` {
  @Test(arguments: [
    ("no such host", HTTPServerFailure.badHost),
    ("192.0.2.1", .addressNotHere),
  ])
  func `says why`(host: String, failure: HTTPServerFailure) throws {
    let loop = try EventLoop()
    #expect(throws: failure) {
      try HTTPServer(loop: loop, host: host, port: 0, handler: ScriptedHandler())
    }
  }

  @Test func `says that the port is taken`() throws {
    let loop = try EventLoop()
    let first = try HTTPServer(loop: loop, host: "127.0.0.1", port: 0, handler: ScriptedHandler())
    #expect(throws: HTTPServerFailure.addressInUse) {
      try HTTPServer(loop: loop, host: "127.0.0.1", port: first.port, handler: ScriptedHandler())
    }
  }
}
