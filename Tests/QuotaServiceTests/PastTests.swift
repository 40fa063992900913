import EventLog
import Glibc
import LedgerSimulation
import Projections
import QuotaModel
import Synchronization
import Testing

@testable import QuotaService

@Suite struct `An answer about a point of history` {
  let directory: TemporaryDirectory
  let seed = SeededNumbers().seed

  init() throws { directory = try TemporaryDirectory() }

  /// What was answered at a position while it was the last one.
  private struct Witness {
    let user: UserID
    let point: PastPoint
    let date: CalendarDate?
    let reading: UsageReading?
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func `is what was answered then, also about earlier windows`(number: UInt64) throws {
    let simulation = try Simulation(at: directory.path + "/store", seed: seed + number)
    var witnesses: [Witness] = []
    for step in 0..<60 {
      try simulation.run(batches: 8)
      try #require(simulation.disagreement == nil, "seed \(seed), case \(number)")
      let queries = Queries(simulation.store)
      let point = try Self.head(queries)
      for user in simulation.naive.userIDs {
        let date = step % 3 == 0 ? Self.date(simulation.randomMoment()) : nil
        let reading =
          if let date { try queries.usage(of: .id(user), on: date) } else {
            try queries.usage(of: .id(user), at: point.moment)
          }
        witnesses.append(Witness(user: user, point: point, date: date, reading: reading))
      }
    }
    for witness in witnesses { try check(witness, simulation, number) }
  }

  private func check(_ witness: Witness, _ simulation: Simulation, _ number: UInt64) throws {
    let queries = Queries(simulation.store)
    let past = try queries.usage(
      of: .id(witness.user), at: witness.point, on: witness.date
    ).get()
    let place = "seed \(seed), case \(number), \(witness.user) at \(witness.point.position)"
    #expect(past?.used == witness.reading?.used, "\(place)")
    #expect(past?.account.reserved == witness.reading?.account.reserved, "\(place)")
    #expect(past?.account == witness.reading?.account, "\(place)")
    #expect(past?.defaults == witness.reading?.defaults, "\(place)")
    #expect(past?.policy == witness.reading?.policy, "\(place)")
    #expect(past?.windows == witness.reading?.windows, "\(place)")
    #expect(past?.position == witness.reading?.position, "\(place)")
  }

  private static func head(_ queries: Queries) throws -> PastPoint {
    try queries.resolve(.position(queries.head()), now: .startOfEverything).get()
  }

  private static func date(_ moment: Moment) -> CalendarDate? {
    try? CalendarDate(String(moment.rfc3339.prefix(10)))
  }

  /// A busy account: what was kept of it on the way is what makes the answer quick.
  @Test func `looks at few of the events of a busy account`() throws {
    let ledger = try OpenLedger()
    let user = try ledger.register(limit: 1_000_000_000)
    var numbers = SeededNumbers(seed: seed)
    var holds: [HoldID] = []
    var witnesses: [(PastPoint, UsageReading?)] = []
    for step in 0..<260 {
      ledger.clock.move(bySeconds: Int64.random(in: 1...4000, using: &numbers))
      let answers = try ledger.execute(
        (0..<60).map { _ in
          Submission(Self.command(user, &holds, &numbers), by: .operator)
        })
      holds += answers.compactMap(\.madeHold)
      guard step % 5 == 0 else { continue }
      let queries = Queries(ledger.store)
      let point = try Self.head(queries)
      witnesses.append((point, try queries.usage(of: .id(user), at: point.moment)))
    }
    ledger.ledger.storeFolded()
    let queries = Queries(ledger.store)
    #expect(try queries.head().rawValue > 12_000)
    for (point, reading) in witnesses {
      let past = try queries.usage(of: .id(user), at: point, limit: 6000).get()
      #expect(past?.used == reading?.used, "seed \(seed) at \(point.position)")
      #expect(past?.account == reading?.account, "seed \(seed) at \(point.position)")
    }
  }

  private static func command(
    _ user: UserID, _ holds: inout [HoldID], _ numbers: inout SeededNumbers
  ) -> Command {
    switch Int.random(in: 0..<5, using: &numbers) {
    case 0: return .hold(user: user, Int64.random(in: 1...500, using: &numbers), seconds: 3600)
    case 1:
      guard let hold = holds.randomElement(using: &numbers) else { break }
      return .settle(
        hold, HoldUsage(.tokens(Int64.random(in: 0...50, using: &numbers)), isFinal: false))
    case 2:
      guard let index = holds.indices.randomElement(using: &numbers) else { break }
      return .settle(holds.remove(at: index), Int64.random(in: 0...600, using: &numbers))
    default: break
    }
    return .usage(of: user, Int64.random(in: 0...1000, using: &numbers))
  }

  @Test(arguments: 0..<3 as Range<UInt64>)
  func `is what a session was then`(number: UInt64) throws {
    let simulation = try SessionSimulation(at: directory.path + "/store", seed: seed + number)
    var witnesses: [(point: PastPoint, session: Session)] = []
    for _ in 0..<40 {
      try simulation.run(batches: 6)
      try #require(simulation.disagreement == nil, "seed \(seed), case \(number)")
      let queries = Queries(simulation.store)
      let point = try Self.head(queries)
      for ref in simulation.refs {
        if let session = try queries.session(ref) { witnesses.append((point, session)) }
      }
    }
    let queries = Queries(simulation.store)
    for (point, session) in witnesses where session.phase != .deleted {
      let address = SessionAddress(session.id, as: .everybody)
      let past = try queries.session(address, at: point).get()
      #expect(past == session, "seed \(seed), case \(number), \(session.ref) at \(point.position)")
    }
  }

  @Test func `knows a session that was deleted later, and the one that got its id`() throws {
    let session = try OpenSession()
    try session.report("u1", nano: 5)
    let first = try Self.head(Queries(session.open.store))
    try session.execute(.delete(session.address))
    let between = try Self.head(Queries(session.open.store))
    try session.start(session.id)
    try session.report("u2", nano: 7)
    let queries = Queries(session.open.store)
    let last = try Self.head(queries)
    #expect(try queries.session(session.address, at: first).get()?.total == .of(5))
    #expect(try queries.session(session.address, at: between).get() == nil)
    #expect(try queries.session(session.address, at: last).get()?.total == .of(7))
  }

  @Test func `is refused about what has not happened`() throws {
    let ledger = try OpenLedger()
    let user = try ledger.register()
    let queries = Queries(ledger.store)
    let (head, now) = (try queries.head(), ledger.clock.now)
    #expect(
      try queries.resolve(.position(head.next), now: now) == .failure(.beyondHead(head)))
    let latest = Moment(microseconds: now.microseconds - 10_000_000)
    #expect(
      try queries.resolve(.moment(now), now: now) == .failure(.tooRecent(latest: latest)))
    ledger.clock.move(bySeconds: 11)
    let point = try queries.resolve(.moment(now), now: ledger.clock.now).get()
    #expect(point == PastPoint(position: head, moment: now))
    #expect(try queries.usage(of: .id(user), at: point).get()?.position == head)
  }

  /// The log has an event, and shows it to whoever listens, before the tables have it.
  private func checkWhileWriting(
    _ command: Command, by ledger: OpenLedger, _ check: (Queries, PastPoint) throws -> Void
  ) throws {
    let queries = Queries(ledger.store)
    let before = try queries.head()
    let gate = Gate()
    ledger.ledger.storeInBackground = { (job) in
      _ = Thread.start(named: "slow disk") {
        gate.wait()
        job.run()
      }
    }
    nonisolated(unsafe) let deciding = ledger.ledger
    let thread = Thread.start(named: "deciding") {
      _ = unsafe deciding.execute([Submission(command, by: .operator)])
    }
    while try queries.head() == before { sched_yield() }
    let point = PastPoint(position: try queries.head(), moment: ledger.clock.now)
    let result = Result { try check(queries, point) }
    gate.open()
    pthread_join(thread, nil)
    try result.get()
    try check(queries, point)
  }

  @Test func `is the same while the tables are still being written`() throws {
    let ledger = try OpenLedger()
    let user = try ledger.register()
    let limit = Limits(repeating: TokenLimit(77) ?? .unlimited)
    try checkWhileWriting(.setDefaults(LimitUpdates { .set(limit[$0]) }), by: ledger) {
      (queries, point) throws in
      let reading = try queries.usage(of: .id(user), at: point).get()
      let defaults = try queries.defaults(at: point)
      #expect(defaults.limits == limit)
      #expect(reading?.defaults.limits == limit)
    }
  }

  @Test func `is the same about a session while the tables are still being written`() throws {
    let session = try OpenSession()
    var report = CallUsage(id: try StepID("u1"), call: nil)
    report.cost = .of(5)
    let command = Command.session(.recordUsage(session.address, report))
    try checkWhileWriting(command, by: session.open) { (queries, point) throws in
      let past = try queries.session(session.address, at: point).get()
      #expect(past?.total == .of(5))
    }
    let opening = SessionOpening(
      id: try SessionID("s2"), user: nil, viewer: .everybody, limit: .keep, budget: nil, text: [],
      whenItExists: .compare)
    let other = SessionAddress(opening.id, as: .everybody)
    try checkWhileWriting(.session(.start(opening)), by: session.open) { (queries, point) throws in
      let past = try queries.session(other, at: point).get()
      #expect(past?.id == opening.id)
    }
  }

  @Test func `knows nobody before anybody was registered`() throws {
    let ledger = try OpenLedger()
    let before = try Queries(ledger.store).resolve(
      .position(Queries(ledger.store).head()), now: ledger.clock.now
    ).get()
    let user = try ledger.register()
    let queries = Queries(ledger.store)
    #expect(try queries.usage(of: .id(user), at: before).get() == nil)
  }
}

/// Holds a thread up until it is opened.
private final class Gate: Sendable {
  private let isOpen = Atomic(false)

  func open() { isOpen.store(true, ordering: .releasing) }

  func wait() { while !isOpen.load(ordering: .acquiring) { sched_yield() } }
}

extension Moment {
  fileprivate static let startOfEverything = Moment(microseconds: 0)
}

extension Answer {
  fileprivate var madeHold: HoldID? {
    if case .held(let receipt) = self { receipt.hold } else { nil }
  }
}
