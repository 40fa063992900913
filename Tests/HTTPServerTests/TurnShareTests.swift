import EventLoop
import Foundation
import HTTPServer
import Synchronization
import Testing

/// Every request to `/work` takes half a millisecond by the loop's clock, so that two are a slice.
@Suite struct `a server with more to do than fits into a turn` {
  private let clock = WorkClock()
  private let server: TestServer

  init() throws {
    server = try TestServer(clock: TestClock { [clock] in clock.now }) {
      $0.pipelinedRequests = 10_000
    }
    server.onLoop { [clock] _, handler in
      handler.onWork = { [unowned handler] query in
        clock.work(query)
        handler.latestParty = UInt64(query.prefix { $0.isNumber }) ?? 0
      }
    }
  }

  @Test func `hears others between the requests of somebody who sends many at once`() throws {
    let order = try order(
      [Burst(party: 1, count: 600)] + (2...6).map { Burst(party: $0, count: 1) })
    let last = try #require(order.lastIndex { $0 != "1" })
    #expect(last < 20, "the last of the others came behind \(last) requests")
    #expect(order.count == 605)
  }

  @Test(arguments: [1, 5, 20])
  func `gives somebody with many connections no more than somebody with one`(count: Int) throws {
    let order = try order(
      Array(repeating: Burst(party: 1, count: 400 / count), count: count)
        + [Burst(party: 2, count: 20)])
    let last = try #require(order.lastIndex(of: "2"))
    // Until each connection was heard for the first time they have one request of three, then each party
    // has every other slice.
    #expect(last < 3 * count + 2 * 20 + 6, "it took \(last) requests")
    #expect(order.count == 400 / count * count + 20)
  }

  @Test func `takes a large body in the time of its sender's share`() throws {
    let other = try TestClient(port: server.port)
    #expect(try other.exchange(Self.work(2)).status == 204)
    let status = Handover<Int>()
    // Whoever sends is held up while nothing is taken.
    Thread.detachNewThread { [port = server.port] in
      status.give((try? Self.send(byteCount: 1 << 20, to: port)) ?? 0)
    }
    // What others do takes half a millisecond each.
    for _ in 0..<5000 where clock.order.filter({ $0 == "1" }).count < 2 {
      #expect(try other.exchange(Self.work(2)).status == 204)
    }
    #expect(status.take() == 204)
    let first = try #require(clock.order.firstIndex(of: "1"))
    let second = try #require(clock.order.lastIndex(of: "1"))
    #expect(second - first >= 24, "16 milliseconds for a megabyte, of which it may be ahead by two")
  }

  /// What many connections took together while time stood still is not held against their sender for ever.
  @Test func `has a sender of large bodies rest for a tenth of a second at most`() throws {
    let other = try TestClient(port: server.port)
    let senders = try (0..<300).map { _ in try TestClient(port: server.port) }
    for client in senders { #expect(try client.exchange(Self.work(1)).status == 204) }
    // The second request is known whose it is before it is handled.
    for _ in 0..<2 { #expect(try other.exchange(Self.work(2)).status == 204) }
    // Ninety megabytes: a second and a half of a sender's share.
    let (size, first) = (320 << 10, 300 << 10)
    let head = Self.post(1, byteCount: size).prefix { $0 != "x" }
    for client in senders { try client.send(head + "x".repeated(first)) }
    clock.forget()
    for client in senders { try client.send("x".repeated(size - first)) }
    while clock.order.count(where: { $0 == "1" }) < senders.count {
      #expect(try other.exchange(Self.work(2)).status == 204)
    }
    let others = clock.order.count { $0 == "2" }
    #expect(others > 100 && others < 1500, "\(others) of half a millisecond each")
    for client in senders { #expect(try client.response().status == 204) }
  }

  @Test func `takes a large body at once while nobody else is there`() throws {
    let sender = try TestClient(port: server.port)
    #expect(try sender.exchange(Self.work(1)).status == 204)
    try sender.send(Self.post(1, byteCount: 1 << 20))
    #expect(try sender.response().status == 204)
  }

  @Test func `answers all of them, in order`() throws {
    let client = try TestClient(port: server.port)
    try client.send(
      (0..<300).map { "GET /echo-\($0) HTTP/1.1\r\nHost: h\r\n\r\n" + Self.work(1) }.joined())
    for number in 0..<300 {
      #expect(try client.response().body == "GET /echo-\(number) h 0")
      #expect(try client.response().status == 204)
    }
  }

  /// So many requests of one party, sent at once.
  private struct Burst {
    let party: Int
    let count: Int
  }

  /// Has each burst sent on a connection of its own while the loop does something else, and says whose
  /// requests were handled in which order.
  private func order(_ bursts: [Burst]) throws -> [String] {
    let clients = try bursts.map { _ in try TestClient(port: server.port) }
    for client in clients { #expect(try client.exchange(Self.work(0)).status == 204) }
    clock.forget()
    let isSent = Handover<Bool>()
    let isHeld = Handover<Bool>()
    Thread.detachNewThread { [server] in
      server.onLoop { _, _ in
        isHeld.give(true)
        _ = isSent.take()
      }
    }
    _ = isHeld.take()
    for (client, burst) in zip(clients, bursts) {
      try client.send(Self.work(burst.party).repeated(burst.count))
    }
    isSent.give(true)
    for (client, burst) in zip(clients, bursts) {
      for _ in 0..<burst.count { #expect(try client.response().status == 204) }
    }
    return clock.order
  }

  /// A request of party 1, and one with a body; answers the status of the second.
  private static func send(byteCount: Int, to port: UInt16) throws -> Int {
    let client = try TestClient(port: port)
    _ = try client.exchange(work(1))
    try client.send(post(1, byteCount: byteCount))
    return try client.response().status
  }

  private static func post(_ party: Int, byteCount: Int) -> String {
    "POST /work?\(party) HTTP/1.1\r\nHost: h\r\nContent-Length: \(byteCount)\r\n\r\n"
      + "x".repeated(byteCount)
  }

  private static func work(_ party: Int) -> String {
    "GET /work?\(party) HTTP/1.1\r\nHost: h\r\n\r\n"
  }
}

/// Time that goes on by work alone.
private final class WorkClock: Sendable {
  private let state = Mutex<(now: UInt64, order: [String])>((1, []))

  var now: UInt64 { state.withLock { $0.now } }
  var order: [String] { state.withLock { $0.order } }

  func work(_ name: String) {
    state.withLock {
      $0.now += 500_000
      $0.order.append(name)
    }
  }

  func forget() { state.withLock { $0.order = [] } }
}
