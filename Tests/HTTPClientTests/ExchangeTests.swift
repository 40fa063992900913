import EventLoop
import Foundation
import HTTPClient
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct `an exchange` {
  /// Answers every request of a connection with its path.
  static func echoServer() throws -> LoopbackServer {
    try LoopbackServer { connection in
      while let request = connection.request() {
        connection.answer("200 OK", String(request.split(separator: " ")[1]))
      }
    }
  }

  /// Begins every answer and never ends it.
  static func endlessServer() throws -> LoopbackServer {
    try LoopbackServer { connection in
      guard connection.request() != nil else { return }
      connection.send("HTTP/1.1 200 OK\r\n\r\n")
      while connection.send("part") { usleep(1_000) }
    }
  }

  @Test func `uses the connection of the one before`() throws {
    let server = try Self.echoServer()
    let on = try ClientOnLoop()
    for number in 0..<20 {
      let answer = try on.answer(OutgoingRequest(method: "GET", url: server.url("/\(number)")))
      #expect(answer.text == "/\(number)")
    }
    #expect(server.connectionCount == 1)
  }

  @Test func `makes a new connection when the kept one has ended`() throws {
    let server = try LoopbackServer { connection in
      _ = connection.request()
      connection.answer("200 OK", "once")
    }
    let on = try ClientOnLoop()
    for _ in 0..<3 {
      let request = OutgoingRequest(method: "POST", url: server.url(), body: [1, 2, 3])
      #expect(try on.answer(request).text == "once")
    }
    #expect(server.connectionCount == 3)
  }

  @Test func `runs beside a hundred others`() throws {
    let server = try LoopbackServer { connection in
      while let request = connection.request() {
        usleep(200_000)
        connection.answer("200 OK", String(request.split(separator: " ")[1]))
      }
    }
    let on = try ClientOnLoop()
    let start = ContinuousClock.now
    let answers = try (0..<100).map { number in
      try on.send(OutgoingRequest(method: "GET", url: server.url("/\(number)"))).answer
    }
    try on.run(until: { answers.allSatisfy(\.hasEnded) })
    #expect(answers.map(\.text) == (0..<100).map { "/\($0)" })
    #expect(ContinuousClock.now - start < .seconds(5))
    #expect(on.client?.exchangeCount == 0)
  }

  @Test func `cancelled in the middle says nothing more and closes its connection`() throws {
    let isClosed = Atomic(false)
    let server = try LoopbackServer { connection in
      guard connection.request() != nil else { return }
      connection.send("HTTP/1.1 200 OK\r\n\r\n")
      while connection.send("part") { usleep(1_000) }
      isClosed.store(true, ordering: .releasing)
    }
    let on = try ClientOnLoop()
    let (answer, exchange) = try on.send(OutgoingRequest(method: "GET", url: server.url()))
    try on.run(until: { answer.parts.count > 2 })
    exchange.cancel()
    exchange.cancel()
    let count = answer.eventCount
    try on.run(until: { isClosed.load(ordering: .acquiring) })
    #expect(answer.eventCount == count)
    #expect(!answer.hasEnded)
    #expect(on.client?.exchangeCount == 0)
  }

  @Test func `cancelled before it began is never sent`() throws {
    let server = try Self.echoServer()
    let on = try ClientOnLoop()
    let (answer, exchange) = try on.send(OutgoingRequest(method: "GET", url: server.url()))
    exchange.cancel()
    try on.run(milliseconds: 100)
    #expect(answer.eventCount == 0)
    #expect(server.connectionCount == 0)
  }

  /// The number of the event at which to cancel: the head, a part, the end.
  @Test(arguments: [1, 2, 3])
  func `cancelled by its own event has no other`(event: Int) throws {
    let server = try Self.echoServer()
    let on = try ClientOnLoop()
    var exchange: Exchange?
    var count = 0
    let sent = try on.send(OutgoingRequest(method: "GET", url: server.url())) { _ in
      count += 1
      if count == event { exchange?.cancel() }
    }
    exchange = sent.exchange
    try on.run(milliseconds: 200)
    #expect(sent.answer.eventCount == event)
    #expect(sent.answer.hasEnded == (event == 3))
  }

  @Test func `cancelled by another's event has none`() throws {
    let server = try Self.endlessServer()
    let on = try ClientOnLoop()
    var others: [Exchange] = []
    var countAtCancel: Int?
    let victims = try (0..<10).map { _ in
      try on.send(OutgoingRequest(method: "GET", url: server.url()))
    }
    others = victims.map(\.exchange)
    let total = { victims.map(\.answer.eventCount).reduce(0, +) }
    let (answer, exchange) = try on.send(OutgoingRequest(method: "GET", url: server.url())) { _ in
      guard countAtCancel == nil, victims.allSatisfy({ $0.answer.eventCount > 1 }) else { return }
      for other in others { other.cancel() }
      countAtCancel = total()
    }
    try on.run(until: { countAtCancel != nil })
    try on.run(milliseconds: 50)
    #expect(total() == countAtCancel)
    #expect(!answer.hasEnded)
    exchange.cancel()
  }

  @Test func `may start the next from its last event`() throws {
    let server = try Self.echoServer()
    let on = try ClientOnLoop()
    var answers: [Answer] = []
    func sendNext() throws {
      let request = OutgoingRequest(method: "GET", url: server.url("/\(answers.count)"))
      let sent = try on.send(request) { event in
        guard case .end = event, answers.count < 10 else { return }
        do { try sendNext() } catch { Issue.record(error) }
      }
      answers.append(sent.answer)
    }
    try sendNext()
    try on.run(until: { answers.count == 10 && answers.allSatisfy(\.hasEnded) })
    #expect(answers.map(\.text) == (0..<10).map { "/\($0)" })
    #expect(server.connectionCount <= 2)
  }

  @Test func `ends silently with its client`() throws {
    let server = try Self.endlessServer()
    let on = try ClientOnLoop()
    let running = try (0..<10).map { _ in
      try on.send(OutgoingRequest(method: "GET", url: server.url()))
    }
    try on.run(until: { running.allSatisfy { $0.answer.eventCount > 1 } })
    weak let client = on.client
    on.client = nil
    #expect(client == nil)
    let count = running.map(\.answer.eventCount)
    try on.run(milliseconds: 50)
    #expect(running.map(\.answer.eventCount) == count)
    for exchange in running.map(\.exchange) { exchange.cancel() }
  }

  @Test func `may let go of its client in its own event`() throws {
    let server = try Self.endlessServer()
    let on = try ClientOnLoop()
    var count = 0
    weak let client = on.client
    try on.send(OutgoingRequest(method: "GET", url: server.url())) { _ in
      count += 1
      if count == 3 { on.client = nil }
    }
    try on.run(until: { client == nil })
    try on.run(milliseconds: 50)
    #expect(count == 3)
  }

  /// What ends an exchange that somebody still holds.
  enum Ending: CaseIterable { case answer, cancelling, client }

  @Test(arguments: Ending.allCases)
  func `frees what its events hold once it has ended`(by ending: Ending) throws {
    final class Witness {}
    let server = try Self.echoServer()
    let on = try ClientOnLoop()
    var witness: Witness? = Witness()
    weak let held = witness
    let request = OutgoingRequest(method: "GET", url: server.url())
    let (answer, exchange) = try on.send(request) { [witness] _ in _ = witness }
    witness = nil
    #expect(held != nil)
    switch ending {
    case .answer: try on.run(until: { answer.hasEnded })
    case .cancelling: exchange.cancel()
    case .client: on.client = nil
    }
    #expect(held == nil)
    withExtendedLifetime(exchange) {}
  }

  @Test func `leaves the loop's other work alone`() throws {
    let server = try Self.endlessServer()
    let on = try ClientOnLoop()
    var ticks = 0
    let ticking = try on.loop.schedule(every: 5) { ticks += 1 }
    for _ in 0..<20 { try on.send(OutgoingRequest(method: "GET", url: server.url())) }
    try on.send(OutgoingRequest(method: "GET", url: `a failing request`.unresolvable))
    try on.run(milliseconds: 500)
    ticking.cancel()
    #expect(ticks > 50)
  }
}
