import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A replay of an account` {
  let directory: TemporaryDirectory
  let seed = SeededNumbers().seed

  init() throws { directory = try TemporaryDirectory() }

  /// Late usage, corrections, holds, allowances, other defaults: whatever the commands bring.
  @Test(arguments: 0..<3 as Range<UInt64>)
  func `comes to what the projection says`(number: UInt64) throws {
    let simulation = try Simulation(at: directory.path + "/store", seed: seed + number)
    try simulation.run(batches: 300)
    try #require(simulation.disagreement == nil)
    let queries = Queries(simulation.store)
    let calendar = try queries.calendar()
    for user in simulation.naive.userIDs {
      let fold = try #require(try folded(user, queries, calendar))
      for _ in 0..<5 {
        let moment = simulation.randomMoment()
        let reading = try #require(try queries.usage(of: .id(user), at: moment))
        #expect(
          fold.used(in: reading.windows, defaults: reading.defaults.limits) == reading.used,
          "seed \(seed), \(number)")
        #expect(fold.account == reading.account, "seed \(seed), \(number)")
        #expect(fold.allowances == reading.allowances, "seed \(seed), \(number)")
      }
    }
  }

  private func folded(
    _ user: UserID, _ queries: Queries, _ calendar: QuotaCalendar
  ) throws -> AccountFold? {
    var fold: AccountFold?
    var filter = EventFilter()
    filter.user = user
    filter.limit = .max
    for event in try queries.events(filter).events {
      fold.apply(event.fact, at: event.position, happenedAt: event.happenedAt, in: calendar)
    }
    return fold
  }
}

@Suite struct `The place of a moment in the log` {
  @Test func `is behind what was recorded before, and before what was recorded then`() throws {
    let open = try OpenLedger()
    let user = try open.register()
    open.clock.move(bySeconds: 1)
    var moments: [(Position, Moment)] = []
    for _ in 0..<40 {
      let answer = try open.execute(.usage(of: user, 1))
      moments.append((try #require(answer.receipt).position, open.clock.now))
      if moments.count % 3 == 0 { open.clock.move(bySeconds: 60) }
    }
    let queries = Queries(open.store)
    for (_, moment) in moments {
      let first = moments.first { $0.1 >= moment }?.0.rawValue ?? 0
      let last = moments.last { $0.1 <= moment }?.0.rawValue ?? 0
      let after = Moment(microseconds: moment.microseconds + 1)
      #expect(try queries.position(recordedBefore: moment) == Position(first - 1))
      #expect(try queries.position(recordedBefore: after) == Position(last))
    }
    #expect(try queries.position(recordedBefore: .earliest) == .zero)
    #expect(try queries.position(recordedBefore: .latest) == queries.head())
  }
}

@Suite struct `A search of the log` {
  @Test(arguments: [1, 3, 100])
  func `ends where it is told to`(limit: Int) throws {
    let open = try OpenLedger()
    let users = try (0..<2).map { _ in try open.register() }
    for number in 0..<30 { try open.execute(.usage(of: users[number % 2], 1)) }
    for user in [nil, users[0]] {
      for until in 0..<40 as Range<UInt64> {
        var filter = EventFilter()
        filter.limit = limit
        filter.user = user
        filter.until = Position(until)
        let found = try all(filter, Queries(open.store))
        filter.until = Position(.max)
        let expected = try all(filter, Queries(open.store)).filter { $0 <= Position(until) }
        #expect(found == expected, "until \(until)")
      }
    }
  }

  /// A reader takes the end of a page for the place up to which it has seen everything.
  @Test(arguments: [true, false])
  func `leaves out nothing of a session or user that is being recorded`(isOfSession: Bool) throws {
    let session = try OpenSession()
    let user = try session.open.register()
    var filter = EventFilter()
    if isOfSession { filter.session = try session.session()?.ref } else { filter.user = user }
    let reader = Reader(filter, Queries(session.open.store))
    reader.start()
    for number in 0..<400 {
      try session.report("u\(number)", nano: 1)
      try session.open.execute(.usage(of: user, 1))
    }
    let found = try reader.stop()
    #expect(try found == all(filter, Queries(session.open.store)))
  }

  private func all(_ filter: EventFilter, _ queries: Queries) throws -> [Position] {
    var filter = filter
    var found: [Position] = []
    while true {
      let page = try queries.events(filter)
      found += page.events.map(\.position)
      filter.after = page.nextAfter
      if !page.hasMore { return found }
    }
  }
}

/// Reads on, as fast as it can, on a thread of its own.
private final class Reader: @unchecked Sendable {
  private let queries: Queries
  private var filter: EventFilter
  private var found: Result<[Position], any Error> = .success([])
  private let lock = NSLock()
  private let ended = DispatchSemaphore(value: 0)
  private var isStopping = false

  init(_ filter: EventFilter, _ queries: Queries) {
    self.filter = filter
    self.queries = queries
  }

  func start() {
    Thread.detachNewThread { [self] in
      while true {
        let isLast = lock.withLock { isStopping }
        found = Result { try found.get() + next() }
        if isLast { break }
      }
      ended.signal()
    }
  }

  func stop() throws -> [Position] {
    lock.withLock { isStopping = true }
    ended.wait()
    return try found.get()
  }

  private func next() throws -> [Position] {
    let page = try queries.events(filter)
    filter.after = page.hasMore ? page.nextAfter : max(page.nextAfter, page.head)
    return page.events.map(\.position)
  }
}
