import Foundation
import HTTPServer
import Testing

@Suite struct `a deadline` {
  /// What a client sends at once, what it goes on with every 50 ms, and what it gets.
  static let trickles = [
    ("GET / HTTP/1.1\r\nA: ", "a", [408]),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\n", "b", [408]),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", [408]),
    ("POST /forbidden HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\n", "b", [401]),
    ("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /", "a", [200, 408]),
    ("", "", []),
    ("", "\r\n", []),
  ]

  @Test func `ends requests that only trickle in`() throws {
    let server = try TestServer { $0.requestSeconds = 1 }
    let clients = try Self.trickles.map { start, _, _ in
      let client = try TestClient(port: server.port)
      try client.send(start)
      return client
    }
    let begin = ContinuousClock.now
    var took: [Int: Duration] = [:]
    while took.count < clients.count, begin.duration(to: .now) < .seconds(4) {
      for (index, client) in clients.enumerated() where took[index] == nil {
        try? client.send(Self.trickles[index].1)
        if try client.hasEnded() { took[index] = begin.duration(to: .now) }
      }
      usleep(50_000)
    }
    for (index, client) in clients.enumerated() {
      #expect(try client.responsesToEnd().map(\.status) == Self.trickles[index].2)
      let took = try #require(took[index])
      #expect(took > .milliseconds(900) && took < .seconds(2), "\(index)")
    }
  }

  @Test func `spares a request whose body comes slowly but steadily`() throws {
    let server = try TestServer {
      $0.requestSeconds = 1
      $0.requestProgressBytes = 1000
    }
    let client = try TestClient(port: server.port)
    try client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n")
    for _ in 0..<10 {
      usleep(250_000)
      try client.send("b".repeated(1000))
    }
    #expect(try client.response().body.utf8.count == 10_000)
  }

  @Test func `ends a connection that rests`() throws {
    let server = try TestServer { $0.idleSeconds = 1 }
    let client = try TestClient(port: server.port)
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    let begin = ContinuousClock.now
    #expect(try client.isEnded())
    #expect(begin.duration(to: .now) > .milliseconds(950))
    #expect(begin.duration(to: .now) < .seconds(2))
  }

  @Test func `spares a connection that works, and a request whose answer takes long`() throws {
    let server = try TestServer { limits in
      limits.idleSeconds = 1
      limits.requestSeconds = 1
    }
    let client = try TestClient(port: server.port)
    for _ in 0..<4 {
      #expect(try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
      usleep(400_000)
    }
    try client.send("GET /later?x HTTP/1.1\r\nHost: h\r\n\r\n")
    usleep(1_800_000)
    server.onLoop { server, handler in handler.release("x", on: server) }
    #expect(try client.response().body == "x")
  }

  @Test func `ends a connection whose client does not read`() throws {
    let server = try TestServer { $0.writeSeconds = 1 }
    let client = try TestClient(port: server.port, receiveBuffer: 4_096)
    try client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n".repeated(20))
    #expect(server.wait { server, _ in server.openConnections == 0 })
  }

  @Test func `spares a client that reads slowly but steadily`() throws {
    let server = try TestServer { $0.writeSeconds = 1 }
    let client = try TestClient(port: server.port, receiveBuffer: 65_536)
    try client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n".repeated(8))
    for _ in 0..<8 {
      usleep(300_000)
      #expect(try client.response().status == 200)
    }
    #expect(try client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
  }

  @Test func `ends the wait for a client that was refused and does not close`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("nonsense\r\n\r\n")
    #expect(try client.responsesToEnd().map(\.status) == [400])
    #expect(server.wait { server, _ in server.openConnections == 0 })
  }
}
