import EventLog
import Evidence
import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

/// The end of whoever wrote to a store.
@Suite struct `A store that is closed` {
  @Test func `has stored and signed for everything, without help from its ledger`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/store"
    try spend(at: path, 50)
    let store = try ProjectionStore(ofStoreAt: path)
    #expect(try store.list().map(\.position) == [try store.head()])
    #expect(try store.log.latestCheckpoint()?.size.count == store.head().rawValue)
    #expect(Files.exists(path + "/checkpoint"))
  }

  private func spend(at path: String, _ count: Int) throws {
    let clock = HandClock(at: Moment(microseconds: 1_768_480_000_000_000))
    try Store.create(at: path, clock: clock.clock)
    let store = try Store(at: path, mode: .writing)
    let ledger = try Ledger(store: store, clock: clock.clock)
    let user = System.randomUser()
    _ = ledger.execute([
      Submission(.register(Registration(user: user, name: nil, role: .user)), by: .operator)
    ])
    for _ in 0..<count {
      _ = ledger.execute([Submission(.usage(of: user, 1), by: .operator)])
    }
    try store.close()
  }
}
