import EventLog
import LedgerSimulation
import Projections
import QuotaModel
import QuotaService
import Testing

@Suite struct `Sessions under random commands` {
  let directory: TemporaryDirectory
  let seed = SeededNumbers().seed

  init() throws { directory = try TemporaryDirectory() }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func `answer as a naive reckoning does, and do nothing that may never be`(
    number: UInt64
  ) throws {
    let simulation = try SessionSimulation(at: directory.path + "/store", seed: seed + number)
    try simulation.run(batches: 600)
    #expect(simulation.disagreement == nil, "seed \(seed), case \(number)")
    #expect(simulation.refs.count > 6, "seed \(seed), case \(number)")
  }

  @Test(arguments: 100..<103 as Range<UInt64>)
  func `count their tokens in the days of their users`(number: UInt64) throws {
    let simulation = try SessionSimulation(at: directory.path + "/store", seed: seed + number)
    for _ in 0..<10 {
      try simulation.run(batches: 40)
      try #require(simulation.disagreement == nil, "seed \(seed), case \(number)")
      for user in simulation.naive.users {
        let now = simulation.clock.now
        let reading = try #require(try Queries(simulation.store).usage(of: .id(user), at: now))
        let tokens = simulation.naive.tokens(of: user, on: now)
        #expect(reading.used.daily.rawValue == tokens, "seed \(seed), case \(number), \(user)")
      }
    }
  }

  @Test(arguments: 200..<203 as Range<UInt64>)
  func `have the projection that a fresh fold of their log makes`(number: UInt64) throws {
    let simulation = try SessionSimulation(at: directory.path + "/store", seed: seed + number)
    for _ in 0..<4 {
      try simulation.run(batches: 100)
      simulation.ledger.storeFolded()
      #expect(try simulation.store.verifyProjection() == nil, "seed \(seed), case \(number)")
    }
    #expect(simulation.disagreement == nil, "seed \(seed), case \(number)")
    #expect(try simulation.store.rebuild().difference == nil, "seed \(seed), case \(number)")
  }

  @Test(arguments: 300..<303 as Range<UInt64>)
  func `tell the same afterwards as while it happened`(number: UInt64) throws {
    let simulation = try SessionSimulation(at: directory.path + "/store", seed: seed + number)
    try simulation.run(batches: 400)
    try simulation.reopen()
    try #require(simulation.disagreement == nil, "seed \(seed), case \(number)")
    for ref in simulation.refs {
      let live = try #require(simulation.witnesses[ref]).news
      let told = try Self.news(of: ref, in: simulation.store)
      #expect(told.map(\.event) == live.map(\.event), "seed \(seed), case \(number)")
      #expect(told.map(\.entry) == live.map(\.entry), "seed \(seed), case \(number)")
    }
  }

  @Test(arguments: 400..<403 as Range<UInt64>)
  func `keep what was said until they are deleted`(number: UInt64) throws {
    let simulation = try SessionSimulation(at: directory.path + "/store", seed: seed + number)
    try simulation.run(batches: 400)
    try simulation.reopen()
    try #require(simulation.disagreement == nil, "seed \(seed), case \(number)")
    for (ref, session) in zip(simulation.refs, simulation.naive.sessions) {
      let texts = try Self.news(of: ref, in: simulation.store).compactMap(\.text)
      #expect(texts == (session.isDeleted ? [] : session.texts), "seed \(seed), case \(number)")
    }
  }

  @Test(arguments: 500..<502 as Range<UInt64>)
  func `are the same in a store that imports their events`(number: UInt64) throws {
    let simulation = try SessionSimulation(at: directory.path + "/store", seed: seed + number)
    try simulation.run(batches: 300)
    try #require(simulation.disagreement == nil, "seed \(seed), case \(number)")
    let path = directory.path + "/copy"
    try Store.create(at: path, clock: System.clock)
    let copy = try Store(at: path, mode: .writing)
    let importer = try Importer(into: copy)
    var events: [Event] = []
    try simulation.store.log.scan(after: .zero) { record in
      if let event = try? record.event() { events.append(event) }
      return .proceed
    }
    for (index, event) in events.enumerated() {
      try importer.add(event, name: nil, line: index + 1)
    }
    try importer.finish()
    for ref in simulation.refs {
      let original = try Queries(simulation.store).session(ref)
      #expect(try Queries(copy).session(ref) == original, "seed \(seed), case \(number)")
    }
    #expect(try copy.rebuild().difference == nil, "seed \(seed), case \(number)")
  }

  private static func news(of ref: SessionRef, in store: Store) throws -> [SessionNews] {
    var news: [SessionNews] = []
    while true {
      let last = news.last?.event.position ?? Position(ref.position.rawValue - 1)
      let page = try Queries(store).news(of: ref, after: last, limit: 7)
      if page.isEmpty { return news }
      news += page
    }
  }
}
