import Foundation
import HTTPServer
import Testing

@Suite struct `the end of a stream` {
  static let get = "GET /stream?s HTTP/1.1\r\nHost: h\r\n\r\n"

  private func open(
    _ server: TestServer, _ name: String = "s", receiveBuffer: Int32? = nil, fields: String = ""
  ) throws -> TestClient {
    let client = try TestClient(port: server.port, receiveBuffer: receiveBuffer)
    try client.send("GET /stream?\(name) HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
    _ = try client.text(through: "\r\n\r\n")
    return client
  }

  /// Whether the handler is told of exactly one closure, with this reason.
  private func isTold(_ reason: StreamClosure, _ server: TestServer) -> Bool {
    guard server.wait(until: { _, handler in !handler.closures.isEmpty }) else { return false }
    usleep(30_000)
    return server.onLoop { _, handler in
      handler.closures.map(\.name) == ["s"] && handler.closures[0].reason == reason
    }
  }

  @Test(arguments: ["", "Connection: close\r\n"])
  func `is told at once when the client resets the connection`(fields: String) throws {
    let server = try TestServer()
    var client: TestClient? = try open(server, fields: fields)
    client?.resetOnClose()
    client = nil
    #expect(isTold(.connectionGone, server))
    server.onLoop { server, handler in
      #expect(server.openConnections == 0)
      #expect(!handler.write("late", to: "s"))
      handler.end("s")
    }
  }

  @Test func `is not that of what the client sends`() throws {
    let server = try TestServer()
    var client: TestClient? = try open(server)
    client?.finishSending()
    usleep(50_000)
    #expect(server.onLoop { _, handler in handler.write("one", to: "s") })
    #expect(try client?.text(through: "one\r\n") == "3\r\none\r\n")
    usleep(50_000)
    #expect(server.onLoop { _, handler in handler.write("two", to: "s") })
    #expect(try client?.text(through: "two\r\n") == "3\r\ntwo\r\n")
    client?.resetOnClose()
    client = nil
    #expect(isTold(.connectionGone, server))
  }

  @Test func `costs no time while its client neither sends nor reads`() throws {
    let server = try TestServer { $0.streamPendingBytes = 100_000_000 }
    let clients = try [("s", Int32(4_096)), ("t", nil)].map { name, receiveBuffer in
      let client = try open(server, name, receiveBuffer: receiveBuffer)
      client.finishSending()
      return client
    }
    usleep(50_000)
    #expect(server.onLoop { _, handler in handler.write("p".repeated(20_000_000), to: "s") })
    usleep(50_000)
    let before = Self.threadMilliseconds(server)
    usleep(400_000)
    #expect(Self.threadMilliseconds(server) - before < 40)
    withExtendedLifetime(clients) {}
  }

  /// Processor time that the server's thread has used.
  private static func threadMilliseconds(_ server: TestServer) -> Int {
    server.onLoop { _, _ in
      var time = timespec()
      _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }
  }

  @Test func `closes the connection whose client sends no more`() throws {
    let server = try TestServer()
    let client = try open(server)
    client.finishSending()
    usleep(50_000)
    server.onLoop { _, handler in handler.end("s") }
    #expect(try client.textToEnd() == "0\r\n\r\n")
    #expect(server.wait { server, _ in server.openConnections == 0 })
    #expect(server.onLoop { _, handler in handler.closures.isEmpty })
  }

  @Test func `is not told of a stream that its handler has ended`() throws {
    let server = try TestServer()
    var client: TestClient? = try open(server)
    try client?.send("GET /stream?behind HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(server.wait { _, handler in handler.streams.count == 2 })
    server.onLoop { _, handler in handler.end("behind") }
    client?.resetOnClose()
    client = nil
    #expect(isTold(.connectionGone, server))
  }

  @Test func `is told after one more piece when the client has closed`() throws {
    let server = try TestServer()
    var client: TestClient? = try open(server)
    client = nil
    usleep(50_000)
    #expect(client == nil && server.onLoop { _, handler in handler.write("late", to: "s") })
    #expect(isTold(.connectionGone, server))
  }

  @Test func `is told at once while the client's requests are left to the kernel`() throws {
    let server = try TestServer { $0.pipelinedRequests = 1 }
    var client: TestClient? = try open(server)
    try client?.send(Self.get)
    usleep(50_000)
    client?.resetOnClose()
    client = nil
    #expect(isTold(.connectionGone, server))
  }

  @Test func `comes when its client does not read, and nobody else is disturbed`() throws {
    let server = try TestServer { $0.streamPendingBytes = 100_000 }
    let stuck = try open(server, receiveBuffer: 4_096)
    let steady = try open(server, "t")
    let piece = "p".repeated(10_000)
    var taken = 0
    while taken < 2_000,
      server.onLoop({ server, handler in
        guard handler.write(piece, to: "s") else { return false }
        if let handle = handler.streams["s"] { #expect(server.pendingBytes(handle) <= 100_000) }
        return true
      })
    {
      taken += 1
      #expect(server.onLoop { _, handler in handler.write("tick", to: "t") })
      #expect(try steady.text(through: "tick\r\n") == "4\r\ntick\r\n")
    }
    // The kernel takes a few megabytes before anything waits here.
    #expect(taken >= 9 && taken < 2_000)
    #expect(isTold(.clientTooSlow, server))
    #expect(server.onLoop { server, _ in server.openConnections } == 1)
    #expect(server.onLoop { _, handler in handler.write("tick", to: "t") })
    #expect(try steady.text(through: "tick\r\n") == "4\r\ntick\r\n")
    withExtendedLifetime(stuck) {}
  }

  @Test func `comes exactly at the bound`() throws {
    let server = try TestServer { $0.streamPendingBytes = 1_000 }
    let exact = try open(server, "t")
    // Nothing is sent before the end of the turn; a chunk adds seven bytes.
    server.onLoop { server, handler in
      #expect(handler.write("p".repeated(493), to: "t"))
      #expect(handler.write("p".repeated(500), to: "t"))
      if let handle = handler.streams["t"] { #expect(server.pendingBytes(handle) == 1_007) }
    }
    #expect(try exact.text(through: "1f4\r\n").hasPrefix("1ed\r\n"))
    let client = try open(server)
    server.onLoop { _, handler in
      #expect(handler.write("p".repeated(493), to: "s"))
      #expect(!handler.write("p".repeated(501), to: "s"))
      #expect(handler.closures.isEmpty, "it is not told from within a call")
    }
    #expect(isTold(.clientTooSlow, server))
    #expect(try client.isReset(), "to a client of HTTP/1.0 anything else would look complete")
    #expect(server.onLoop { _, handler in handler.write("on", to: "t") })
  }

  @Test func `does not come by one long piece`() throws {
    let server = try TestServer { $0.streamPendingBytes = 1_000 }
    let client = try open(server)
    server.onLoop { _, handler in
      #expect(handler.write("p".repeated(5_000), to: "s"))
      handler.end("s")
    }
    #expect(try client.text(through: "0\r\n\r\n").utf8.count == 4 + 2 + 5_000 + 2 + 5)
  }

  @Test func `comes when its client takes nothing for too long`() throws {
    let server = try TestServer { limits in
      limits.writeSeconds = 1
      limits.streamPendingBytes = 100_000_000
    }
    let client = try open(server, receiveBuffer: 4_096)
    #expect(server.onLoop { _, handler in handler.write("p".repeated(20_000_000), to: "s") })
    #expect(isTold(.clientTooSlow, server))
    withExtendedLifetime(client) {}
  }

  @Test func `leaves a handle that does nothing to the next stream in its place`() throws {
    let server = try TestServer()
    var client: TestClient? = try open(server, "old")
    client?.resetOnClose()
    client = nil
    #expect(server.wait { server, _ in server.openConnections == 0 })
    let next = try open(server, "new")
    server.onLoop { server, handler in
      #expect(!handler.write("wrong", to: "old"))
      handler.end("old")
      if let handle = handler.streams["old"] { #expect(server.pendingBytes(handle) == 0) }
      #expect(handler.write("right", to: "new"))
    }
    #expect(try next.text(through: "right\r\n") == "5\r\nright\r\n")
  }

  @Test func `comes properly when the server drains`() throws {
    let server = try TestServer()
    let clients = try ["s", "s2", "old"].map { name in
      try open(server, name, fields: name == "old" ? "Connection: close\r\n" : "")
    }
    let drained = Handover<Bool>()
    server.onLoop { server, handler in
      #expect(handler.write("last", to: "s"))
      server.drain(deadlineSeconds: 10) { drained.give(true) }
      #expect(!handler.write("late", to: "s"))
    }
    #expect(
      try clients.map { try $0.textToEnd() }.sorted().reversed()
        == ["4\r\nlast\r\n0\r\n\r\n", "0\r\n\r\n", "0\r\n\r\n"])
    for client in clients { client.finishSending() }
    #expect(drained.take(withinSeconds: 1) == true)
    let closures = server.onLoop { _, handler in handler.closures }
    #expect(closures.map(\.name).sorted() == ["old", "s", "s2"])
    #expect(closures.allSatisfy { $0.reason == .draining })
  }

  @Test func `does not hold up a drain by a client that does not read`() throws {
    let server = try TestServer { $0.streamPendingBytes = 100_000_000 }
    let client = try open(server, receiveBuffer: 4_096)
    let drained = Handover<Bool>()
    server.onLoop { server, handler in
      #expect(handler.write("p".repeated(20_000_000), to: "s"))
      server.drain(deadlineSeconds: 10) { drained.give(true) }
    }
    #expect(drained.take(withinSeconds: 3) == true)
    withExtendedLifetime(client) {}
  }

  @Test func `is immediate for one that begins while the server drains`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try client.send("GET /later?s HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(server.wait { _, handler in handler.waiting.count == 1 })
    server.onLoop { server, handler in
      server.drain(deadlineSeconds: 10) {}
      handler.beginWaiting("s")
      #expect(handler.streams.isEmpty)
    }
    let text = try client.textToEnd()
    #expect(text.contains("Connection: close\r\n") && text.hasSuffix("\r\n\r\n0\r\n\r\n"))
  }
}
