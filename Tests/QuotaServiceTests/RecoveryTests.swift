import EventLog
import Foundation
import LedgerSimulation
import Projections
import QuotaModel
import Synchronization
import Testing

@testable import QuotaService

@Suite struct `A reading while the projection is recovered` {
  @Test func `has every event once, and never fewer than before`() throws {
    let open = try OpenLedger()
    let user = try open.register()
    let first = try open.store.log.head()
    let reader = RecoveryReader(of: user, behind: first, Queries(open.store), at: open.clock.now)
    reader.start()
    for _ in 0..<8 {
      _ = try open.execute((0..<600).map { _ in Submission(.usage(of: user, 1), by: .operator) })
      _ = try open.hold(5, of: user, seconds: 3600)
      #expect(open.ledger.hasUnstored)
      open.ledger.reportOutage(.projection(.other("a test")))
      try open.ledger.recover()
    }
    #expect(try reader.stop() == nil)
    #expect(try open.used(by: user) == 4800)
    #expect(try open.store.verifyProjection() == nil)
  }
}

/// Asks for a user's windows and events as fast as it can, on a thread of its own, until something is wrong.
private final class RecoveryReader: Sendable {
  private let queries: Queries
  private let user: UserID
  private let first: Position
  private let moment: Moment
  private let isStopping = Atomic(false)
  private let ended = DispatchSemaphore(value: 0)
  private let fault = Mutex<String?>(nil)

  init(of user: UserID, behind first: Position, _ queries: Queries, at moment: Moment) {
    self.user = user
    self.first = first
    self.queries = queries
    self.moment = moment
  }

  func start() {
    Thread.detachNewThread { [self] in
      var last = first
      while !isStopping.load(ordering: .relaxed), fault.withLock({ $0 }) == nil {
        do {
          last = try look(last)
        } catch {
          fault.withLock { $0 = "\(error)" }
        }
      }
      ended.signal()
    }
  }

  func stop() throws -> String? {
    isStopping.store(true, ordering: .relaxed)
    ended.wait()
    return fault.withLock { $0 }
  }

  private func look(_ last: Position) throws -> Position {
    guard let reading = try queries.usage(of: .id(user), at: moment) else { return last }
    var filter = EventFilter()
    filter.after = first
    filter.user = user
    filter.limit = 5000
    let positions = try queries.events(filter).events.map(\.position)
    let isOrdered = zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }
    if !isOrdered || reading.position < last {
      fault.withLock { $0 = "\(reading.position) behind \(last), \(positions.count) events" }
    }
    return reading.position
  }
}
