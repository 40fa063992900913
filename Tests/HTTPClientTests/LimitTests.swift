import Foundation
import HTTPClient
import Testing

@Suite(.timeLimit(.minutes(1))) struct `a limit` {
  static func get(_ server: LoopbackServer) -> OutgoingRequest {
    OutgoingRequest(method: "GET", url: server.url())
  }

  @Test(arguments: [(99_999, false), (100_000, false), (100_001, true)], [true, false])
  func `on the body ends an answer that is larger`(
    size: (bytes: Int, isTooLarge: Bool), isChunked: Bool
  ) throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      let body = [UInt8](repeating: 0x61, count: size.bytes)
      if isChunked {
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send("\(String(size.bytes, radix: 16))\r\n")
        connection.send(body)
        connection.send("\r\n0\r\n\r\n")
      } else {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size.bytes)\r\n\r\n")
        connection.send(body)
      }
    }
    var limits = HTTPClientLimits()
    limits.bodyBytes = 100_000
    let answer = try ClientOnLoop(limits).answer(Self.get(server))
    #expect(answer.failure == (size.isTooLarge ? .bodyTooLarge : nil))
    #expect(answer.status == 200)
    #expect(answer.body.count <= 100_000)
  }

  @Test func `on the body ends an answer without end`() throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send("HTTP/1.1 200 OK\r\n\r\n")
      while connection.send([UInt8](repeating: 0x61, count: 50_000)) {}
    }
    var limits = HTTPClientLimits()
    limits.bodyBytes = 1_000_000
    let answer = try ClientOnLoop(limits).answer(Self.get(server))
    #expect(answer.failure == .bodyTooLarge)
    #expect(answer.body.count <= 1_000_000)
  }

  @Test(arguments: [true, false])
  func `on the head ends an answer whose fields are too many`(areInterim: Bool) throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      if !areInterim { connection.send("HTTP/1.1 200 OK\r\n") }
      let interim = "HTTP/1.1 103 Early Hints\r\nLink: <abc>\r\n\r\n"
      for _ in 0..<2_000 { connection.send(areInterim ? interim : "X-Field: value\r\n") }
      connection.send(areInterim ? "HTTP/1.1 200 OK\r\n\r\n" : "\r\n")
    }
    var limits = HTTPClientLimits()
    limits.headBytes = 10_000
    let answer = try ClientOnLoop(limits).answer(Self.get(server))
    #expect(answer.failure == .headTooLarge)
    #expect(answer.eventCount == 1)
  }

  @Test func `on the whole time ends an answer that drips`() throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
      while connection.send(".") { usleep(50_000) }
    }
    var limits = HTTPClientLimits()
    limits.silenceMilliseconds = 300
    limits.wholeMilliseconds = 800
    let start = ContinuousClock.now
    let answer = try ClientOnLoop(limits).answer(Self.get(server))
    #expect(answer.failure == .timedOut(.whole))
    #expect(answer.parts.count > 5)
    #expect(ContinuousClock.now - start > .milliseconds(750))
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart"])
  func `on silence ends an answer that stops`(beginning: String) throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send(beginning)
      connection.waitForEnd()
    }
    var limits = HTTPClientLimits()
    limits.silenceMilliseconds = 300
    let start = ContinuousClock.now
    let answer = try ClientOnLoop(limits).answer(Self.get(server))
    #expect(answer.failure == .timedOut(.silence))
    #expect(answer.text == (beginning.isEmpty ? "" : "part"))
    #expect(ContinuousClock.now - start > .milliseconds(250))
    #expect(ContinuousClock.now - start < .milliseconds(2_000))
  }

  @Test func `on silence does not end an answer that keeps coming`() throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
      for _ in 0..<8 {
        usleep(100_000)
        connection.send(".")
      }
    }
    var limits = HTTPClientLimits()
    limits.silenceMilliseconds = 400
    let answer = try ClientOnLoop(limits).answer(Self.get(server))
    #expect(answer.failure == nil)
    #expect(answer.text == "........")
  }

  @Test func `on silence does not end a request that is still being taken`() throws {
    let size = 30_000_000
    let server = try LoopbackServer { connection in
      for _ in 0..<10 {
        usleep(150_000)
        connection.drop(size / 10)
      }
      connection.drop(100_000)
      connection.answer("200 OK", "taken")
    }
    var limits = HTTPClientLimits()
    limits.silenceMilliseconds = 600
    let body = [UInt8](repeating: 0x61, count: size)
    let start = ContinuousClock.now
    let answer = try ClientOnLoop(limits).answer(
      OutgoingRequest(method: "POST", url: server.url(), body: body))
    #expect(answer.failure == nil)
    #expect(answer.text == "taken")
    #expect(ContinuousClock.now - start > .milliseconds(1_200))
  }

  @Test func `on exchanges refuses one more until one has ended`() throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.waitForEnd()
    }
    var limits = HTTPClientLimits()
    limits.exchanges = 2
    let on = try ClientOnLoop(limits)
    let first = try on.send(Self.get(server)).exchange
    try on.send(Self.get(server))
    #expect(throws: HTTPClientFailure.tooManyExchanges) { try on.send(Self.get(server)) }
    first.cancel()
    try on.send(Self.get(server))
    #expect(on.client?.exchangeCount == 2)
  }
}
