import EventLog
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A ledger under random commands` {
  let directory: TemporaryDirectory
  let seed = SeededNumbers().seed

  init() throws { directory = try TemporaryDirectory() }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func `gives every answer that a naive reckoning gives`(number: UInt64) throws {
    let simulation = try Simulation(at: directory.path + "/store", seed: seed + number)
    try simulation.run(batches: 300)
    #expect(simulation.disagreement == nil, "seed \(seed), case \(number)")
    #expect(simulation.refusedBatchCount == 0, "seed \(seed), case \(number)")
  }

  @Test(arguments: 100..<103 as Range<UInt64>)
  func `holds in every window what was spent in it`(number: UInt64) throws {
    let simulation = try Simulation(at: directory.path + "/store", seed: seed + number)
    for _ in 0..<10 {
      try simulation.run(batches: 40)
      try #require(simulation.disagreement == nil, "seed \(seed), case \(number)")
      for user in simulation.naive.userIDs {
        let moment = simulation.randomMoment()
        let reading = try #require(try Queries(simulation.store).usage(of: .id(user), at: moment))
        let used = simulation.naive.used(by: user, at: moment)
        #expect(reading.used == used, "seed \(seed), case \(number), \(user) at \(moment)")
        let reserved = simulation.naive.reserved(by: user)
        #expect(reading.account.reserved == reserved, "seed \(seed), case \(number), \(user)")
        #expect(reading.position == simulation.naive.position, "seed \(seed), case \(number)")
      }
    }
  }

  @Test(arguments: 200..<203 as Range<UInt64>)
  func `has the projection that a fresh fold of its log makes`(number: UInt64) throws {
    let simulation = try Simulation(at: directory.path + "/store", seed: seed + number)
    for _ in 0..<4 {
      try simulation.run(batches: 80)
      simulation.ledger.storeFolded()
      #expect(try simulation.store.verifyProjection() == nil, "seed \(seed), case \(number)")
    }
    #expect(try simulation.store.rebuild().difference == nil, "seed \(seed), case \(number)")
  }

  @Test(arguments: 300..<303 as Range<UInt64>)
  func `exports what an empty store imports as the same bytes`(number: UInt64) throws {
    let simulation = try Simulation(at: directory.path + "/store", seed: seed + number)
    try simulation.run(batches: 300)
    let copy = try imported(simulation.store, into: directory.path + "/copy")
    #expect(
      try copy.log.read(after: .zero, maximumByteCount: .max)
        == simulation.store.log.read(after: .zero, maximumByteCount: .max),
      "seed \(seed), case \(number)")
    for user in simulation.naive.userIDs {
      let moment = simulation.randomMoment()
      let original = try Queries(simulation.store).usage(of: .id(user), at: moment)
      let same = try Queries(copy).usage(of: .id(user), at: moment)
      #expect(original?.used == same?.used, "seed \(seed), case \(number)")
      #expect(original?.account == same?.account, "seed \(seed), case \(number)")
    }
  }

  private func imported(_ store: Store, into path: String) throws -> Store {
    try Store.create(at: path, clock: System.clock)
    let copy = try Store(at: path, mode: .writing)
    let importer = try Importer(into: copy)
    var events: [Event] = []
    try store.log.scan(after: .zero) { record in
      if let event = try? record.event() { events.append(event) }
      return .proceed
    }
    for (index, event) in events.enumerated() {
      let name = try event.fact.user.flatMap { try Queries(store).name(of: $0) }
      try importer.add(event, name: name, line: index + 1)
    }
    try importer.finish()
    return copy
  }
}
