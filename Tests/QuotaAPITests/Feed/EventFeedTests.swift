import HTTPServer
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@testable import QuotaAPI

@Suite struct `A stream of events` {
  let stage: FeedStage
  let seed = SeededNumbers().seed

  init() throws { stage = try FeedStage() }

  @Test func `tells history and then what happens, without gap or repetition`() throws {
    try stage.spend(300)
    let handle = try stage.listen(after: 7)
    stage.settle()
    #expect(try stage.outlet.positions(handle) == stage.positions(after: 7))
    try stage.spend(40)
    stage.settle()
    #expect(try stage.outlet.positions(handle) == stage.positions(after: 7))
  }

  @Test func `begins behind the last event, and says where that is`() throws {
    try stage.spend(20)
    let head = stage.head.rawValue
    let handle = try stage.listen()
    stage.settle()
    #expect(stage.outlet.events(handle).map(\.name) == [FeedPiece.progressName])
    #expect(stage.outlet.lastID(handle) == head)
    try stage.spend(2)
    stage.settle()
    #expect(stage.outlet.positions(handle) == [head + 1, head + 2])
  }

  @Test func `has every event whatever its client reads and whenever it comes`() throws {
    var numbers = SeededNumbers(seed: seed)
    var handles: [(handle: StreamHandle, start: UInt64)] = []
    for _ in 0..<120 {
      switch Int.random(in: 0..<8, using: &numbers) {
      case 0..<3: try stage.spend(Int(numbers.number(1...400)), by: Int(numbers.number(0...2)))
      case 3:
        let start = UInt64(numbers.number(0...Int64(stage.head.rawValue)))
        handles.append((try stage.listen(after: start), start))
      case 4: if let one = handles.randomElement(using: &numbers) { toggle(one.handle) }
      case 5: for handle in stage.outlet.read() { stage.feed.proceed(handle) }
      case 6: stage.feed.keepAlive()
      default: stage.turn()
      }
    }
    stage.outlet.stuck = []
    stage.settle()
    for (handle, start) in handles {
      #expect(try stage.outlet.positions(handle) == stage.positions(after: start), "seed \(seed)")
    }
  }

  @Test(arguments: [0, 1, 2, 3])
  func `tells those events that were asked for, old and new`(number: Int) throws {
    let (first, second) = (stage.users[0], stage.users[1])
    let interest = [
      EventInterest(user: first), EventInterest(kinds: [.userRegistered, .limitsChanged]),
      EventInterest(user: second, kinds: [.tokensSpent]), EventInterest(user: System.randomUser()),
    ][number]
    let wants = { (event: Event) in interest.includes(FeedEvent(event)) }
    try change(first, second)
    let handle = try stage.listen(interest, after: 0)
    stage.settle()
    #expect(try stage.outlet.positions(handle) == stage.positions(where: wants))
    try change(second, first)
    stage.settle()
    #expect(try stage.outlet.positions(handle) == stage.positions(where: wants))
  }

  @Test func `lets no more wait for a client than it should`() throws {
    let handle = try stage.listen(after: 0)
    stage.outlet.stuck = [handle]
    for _ in 0..<20 {
      try stage.spend(500)
      for _ in 0..<50 { stage.turn() }
    }
    #expect(stage.outlet.pendingBytes(handle) < 200 << 10)
    stage.outlet.stuck = []
    stage.settle()
    #expect(try stage.outlet.positions(handle) == stage.positions())
  }

  @Test func `says how far it has come where nothing is of interest`() throws {
    let handle = try stage.listen(EventInterest(kinds: [.budgetChanged]), after: 0)
    try stage.spend(25_000)
    stage.settle()
    #expect(stage.outlet.positions(handle) == [])
    #expect(stage.outlet.events(handle).count >= 2)
    stage.feed.keepAlive()
    stage.settle()
    #expect(stage.outlet.lastID(handle) == stage.head.rawValue)
  }

  @Test func `says so only to those who leave something out`() throws {
    let handle = try stage.listen(after: 0)
    stage.settle()
    stage.feed.keepAlive()
    stage.settle()
    #expect(try stage.outlet.events(handle).map(\.id) == stage.positions())
  }

  @Test func `ends when its client may no longer listen`() throws {
    var isAllowed = true
    let handle = try stage.listen(after: 0) { isAllowed }
    let other = try stage.listen(after: 0)
    stage.feed.endForbidden()
    #expect(stage.outlet.ended.isEmpty)
    isAllowed = false
    stage.feed.endForbidden()
    #expect(stage.outlet.ended == [handle])
    try stage.spend(3)
    stage.settle()
    #expect(stage.outlet.positions(handle) == [])
    #expect(try stage.outlet.positions(other) == stage.positions())
  }

  @Test(arguments: [3, 6000])
  func `tells nothing that lies behind the loss of the right`(count: Int) throws {
    let (user, token, queries) = (System.randomUser(), NewToken(), Queries(stage.store))
    try stage.execute(
      .register(Registration(user: user, name: nil, role: .auditor, token: token)))
    let handle = try stage.listen(after: 0) {
      (try? queries.identify(token.digest, at: System.clock())) != .unknown
    }
    let other = try stage.listen(after: 0)
    // Who reads slowly comes to it with a page of history.
    stage.outlet.stuck = [handle]
    try stage.spend(count)
    stage.settle()
    let last = stage.head.rawValue
    // Nobody has told the feed yet.
    try stage.execute(.revokeToken(token.id, of: .id(user)))
    try stage.spend(2)
    stage.outlet.stuck = []
    stage.settle()
    #expect(stage.outlet.positions(handle).allSatisfy { $0 <= last })
    #expect(stage.outlet.ended == [handle])
    #expect(try stage.outlet.positions(other) == stage.positions())
  }

  @Test func `costs nothing while there is nothing for it`() throws {
    let interest = EventInterest(user: System.randomUser())
    for _ in 0..<1000 { _ = try stage.listen(interest, after: stage.head.rawValue) }
    stage.settle()
    let before = stage.outlet.writeCount
    try stage.spend(100)
    stage.settle()
    stage.feed.look()
    stage.settle()
    #expect(stage.outlet.writeCount == before)
  }

  @Test func `shares what is read with a thousand others`() throws {
    let handles = try (0..<1000).map { _ in try stage.listen() }
    try stage.spend(30)
    stage.settle()
    let expected = Array(try stage.positions().suffix(30))
    for handle in handles { #expect(stage.outlet.positions(handle) == expected) }
    for handle in handles { stage.feed.forget(handle) }
    #expect(stage.feed.count == 0)
  }

  private func toggle(_ handle: StreamHandle) {
    if stage.outlet.stuck.remove(handle) == nil { stage.outlet.stuck.insert(handle) }
  }

  private func change(_ first: UserID, _ second: UserID) throws {
    try stage.spend(700)
    try stage.spend(300, by: 1)
    try stage.execute(
      .setLimits(.id(first), LimitUpdates { _ in .set(.highest) }),
      .setLimits(.id(second), LimitUpdates { _ in .set(.highest) }))
    try stage.spend(5)
  }
}

@Suite struct `The events that are kept for streams` {
  @Test func `are the last, by position, whatever their number`() throws {
    var recent = RecentEvents(behind: Position(10))
    #expect(recent.event(after: Position(10)) == nil)
    for number in 11..<20_011 as Range<UInt64> {
      recent.append(FeedEvent(.example(at: number)))
      #expect(recent.end == Position(number))
      #expect(recent.event(after: recent.end) == nil)
      #expect(recent.event(after: Position(number - 1))?.id == number)
    }
    let start = recent.start.rawValue
    #expect(recent.end.rawValue - start <= UInt64(RecentEvents.maximumCount))
    #expect(recent.event(after: Position(start - 1)) == nil)
    for number in start + 1...20_010 {
      #expect(recent.event(after: Position(number - 1))?.id == number)
    }
  }

  @Test func `take no more room than they should`() {
    var recent = RecentEvents(behind: .zero)
    for number in 1..<4000 as Range<UInt64> {
      recent.append(FeedEvent(.example(at: number, reason: String(repeating: "x", count: 1000))))
    }
    #expect(recent.end.rawValue - recent.start.rawValue < 2000)
    #expect(recent.end.rawValue - recent.start.rawValue > 1000)
  }
}

extension FeedEvent {
  fileprivate var id: UInt64? {
    let line = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    return UInt64(line.dropFirst(4))
  }
}

extension Event {
  fileprivate static func example(at position: UInt64, reason: String? = nil) -> Event {
    Event(
      position: Position(position), recordedAt: .earliest, happenedAt: .earliest, actor: .operator,
      reason: reason.flatMap { try? Reason($0) }, fact: .userDeactivated(UserID(high: 1, low: 2)))
  }
}
