import Dispatch
import Projections
import QuotaModel
import Synchronization
import TestSupport
import Testing

@Suite struct `The history of an account` {
  private static let ada = UserID(high: 3, low: 4)

  @Test func `is known to a batch although the account is not in memory`() throws {
    let projection = try TestProjection()
    let events = Self.events(upTo: 40)
    try projection.fold(events, mayWait: false)
    try projection.reopen()
    var batch = try projection.folder.beginBatch()
    let positions = try batch.history(of: Self.ada, after: .zero, limit: .max)
    #expect(positions == events.map(\.position))
    #expect(try batch.history(of: UserID(high: 0, low: 1), after: .zero, limit: .max) == [])
    batch.abandon()
  }

  /// The steps of a store: nothing written, written but not known to be, known to be.
  @Test(arguments: [1, 15, 16, 17, 31, 32, 33, 48, 64], [0, 1, 15, 16, 17, 40])
  func `names every event once at every step of a store`(stored: Int, more: Int) throws {
    let projection = try TestProjection(.whenTold)
    let events = Self.events(upTo: stored + more)
    try projection.fold([events[0]])
    projection.mayHold = true
    try projection.fold(Array(events[1..<stored]), mayWait: false)
    try Self.expect(events.prefix(stored), of: projection)
    try projection.fold(Array(events[stored...]))
    try Self.expect(events[...], of: projection)
    projection.runHeldJob()
    try Self.expect(events[...], of: projection)
    try projection.folder.finishStoring()
    try Self.expect(events[...], of: projection)
    try projection.storeAll()
    try Self.expect(events[...], of: projection)
  }

  @Test func `names every event once, even for an entry that was read before`() throws {
    let projection = try TestProjection()
    let events = Self.events(upTo: 44)
    try projection.fold(Array(events.prefix(30)), mayWait: false)
    let entry = try #require(
      try projection.generation.read { (snapshot) throws(ProjectionFailure) in
        try snapshot.account(Self.ada)
      })
    try projection.fold(Array(events.dropFirst(30)), mayWait: false)
    let positions = try projection.generation.read { (snapshot) throws(ProjectionFailure) in
      try snapshot.history(of: entry, after: .zero, limit: .max)
    }
    #expect(positions == events.prefix(40).map(\.position))
  }

  @Test func `and everything else is of one position for readers beside the fold`() throws {
    let projection = try TestProjection(.inBackground)
    try projection.fold(Self.events(upTo: 1))
    let reader = Reader(projection.generation, Self.ada)
    var numbers = SeededNumbers()
    let events = Self.events(upTo: 6000, defaultsEvery: 37)
    var next = 1
    while next < events.count {
      let end = min(events.count, next + Int.random(in: 1...30, using: &numbers))
      let mayWait = Bool.random(using: &numbers)
      try projection.fold(Array(events[next..<end]), mayWait: mayWait)
      next = end
    }
    let outcome = reader.end()
    #expect(outcome.complaints == [], "seed \(numbers.seed)")
    #expect(outcome.count > 10)
  }

  private static func expect(
    _ events: ArraySlice<Event>, of projection: TestProjection
  ) throws {
    let expected = events.map(\.position)
    for after in [0, 1, 15, 16, 20, 33] where after < expected.count {
      let found = try projection.generation.read { (snapshot) throws(ProjectionFailure) in
        guard let entry = try snapshot.account(ada) else { return [] as [Position] }
        return try snapshot.history(of: entry, after: Position(UInt64(after)), limit: .max)
      }
      #expect(found == Array(expected.dropFirst(after)))
      var batch = try projection.folder.beginBatch()
      let asked = try batch.history(of: ada, after: Position(UInt64(after)), limit: .max)
      #expect(asked == found)
      batch.abandon()
    }
  }

  /// A registration and spends of one token; now and then a change of the defaults.
  private static func events(upTo count: Int, defaultsEvery step: Int = .max) -> [Event] {
    (1...count).map { number in
      let moment = Moment.at("2026-05-01T00:00:00Z").advanced(bySeconds: Int64(number))
      let fact: Fact =
        if number == 1 {
          .userRegistered(ada, role: .user)
        } else if number % step == 0 {
          .defaultsChanged([])
        } else {
          .tokensSpent(Spend(user: ada, usage: TokenUsage(total: .of(1))))
        }
      return Event(
        position: Position(UInt64(number)), recordedAt: moment, happenedAt: moment,
        actor: .operator, fact: fact)
    }
  }
}

@Suite struct `A batch that readers have seen` {
  @Test func `stays seen while it is stored behind another one`() throws {
    let projection = try TestProjection(.whenTold)
    var history = RandomHistory()
    var events: [Event] = []
    while events.last?.fact.kind != .defaultsChanged || history.reckoning.users.isEmpty {
      events.append(history.next())
    }
    try projection.fold(events.dropLast())
    projection.mayHold = true
    var batch = try projection.folder.beginBatch()
    try batch.commit(mayWait: false)
    batch = try projection.folder.beginBatch()
    for event in events.suffix(1) { try batch.fold(event) }
    projection.runHeldJob()
    projection.mayHold = false
    var seen: [Position?] = []
    projection.beforeJob = { [projection] in
      seen.append(
        try? projection.generation.read { (snapshot) throws(ProjectionFailure) in
          try snapshot.state().position
        })
    }
    try batch.commit(mayWait: true)
    #expect(seen == [history.reckoning.position])
  }
}

/// Reads one account again and again on a thread of its own, and notes what does not fit together.
private final class Reader: Sendable {
  private let isStopped = Atomic(false)
  private let complaints = Mutex<[String]>([])
  private let count = Atomic(0)
  private let ended = DispatchSemaphore(value: 0)

  init(_ generation: Generation, _ user: UserID) {
    DispatchQueue(label: "reader").async { [self] in
      var latest = Position.zero
      while !isStopped.load(ordering: .relaxed) {
        do {
          let position = try read(generation, user)
          if position < latest { complain("position \(position) was read after \(latest)") }
          latest = position
        } catch {
          complain("\(error)")
        }
        count.add(1, ordering: .relaxed)
      }
      ended.signal()
    }
  }

  func end() -> (complaints: [String], count: Int) {
    isStopped.store(true, ordering: .relaxed)
    ended.wait()
    return (complaints.withLock { Array($0.prefix(5)) }, count.load(ordering: .relaxed))
  }

  private func read(
    _ generation: Generation, _ user: UserID
  ) throws(ProjectionFailure) -> Position {
    try generation.read { (snapshot) throws(ProjectionFailure) in
      let position = try snapshot.state().position
      guard let entry = try snapshot.account(user) else { return position }
      let history = try snapshot.history(of: entry, after: .zero, limit: .max)
      if Set(history).count != history.count { complain("an event twice, at \(position)") }
      if history != history.sorted() { complain("events out of order, at \(position)") }
      if Int64(history.count) != entry.account.lifetime.rawValue + 1 {
        complain("\(history.count) events for \(entry.account.lifetime) tokens, at \(position)")
      }
      let calendar = RandomHistory.calendar(.default)
      let day = calendar.window(.daily, containing: .today)
      let used = try snapshot.used(by: entry, in: day, of: calendar)
      if used != entry.account.lifetime { complain("another day's use, at \(position)") }
      return position
    }
  }

  private func complain(_ text: String) { complaints.withLock { $0.append(text) } }
}

extension Moment {
  fileprivate static let today = Moment.at("2026-05-01T12:00:00Z")
}
