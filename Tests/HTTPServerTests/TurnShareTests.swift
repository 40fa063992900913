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
