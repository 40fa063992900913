import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A reading while something is granted` {
  /// The projection shows its position before its tables are written.
  @Test func `has what was granted up to its position`() throws {
    let open = try OpenLedger()
    let user = try open.register(limit: 1_000_000)
    let reader = Reader(of: user, Queries(open.store), at: open.clock.now)
    reader.start()
    var grants: [Position] = []
    for _ in 0..<300 {
      let answer = try open.execute(.allow(.id(user), .daily, TokenCount(1) ?? .zero))
      guard case .recorded(let receipt) = answer else { continue }
      grants.append(receipt.position)
    }
    #expect(grants.count == 300)
    for (position, limit) in try reader.stop() {
      let granted = grants.count { $0 <= position }
      #expect(limit == 1_000_000 + Int64(granted), "at \(position)")
    }
  }
}

/// Reads a user's daily limit as fast as it can, on a thread of its own.
private final class Reader: @unchecked Sendable {
  private let queries: Queries
  private let user: UserID
  private let moment: Moment
  private let lock = NSLock()
  private let ended = DispatchSemaphore(value: 0)
  private var isStopping = false
  private var found: Result<[(Position, Int64)], any Error> = .success([])

  init(of user: UserID, _ queries: Queries, at moment: Moment) {
    self.user = user
    self.queries = queries
    self.moment = moment
  }

  func start() {
    Thread.detachNewThread { [self] in
      while !lock.withLock({ isStopping }) {
        found = Result { try found.get() + reading() }
      }
      ended.signal()
    }
  }

  func stop() throws -> [(Position, Int64)] {
    lock.withLock { isStopping = true }
    ended.wait()
    return try found.get()
  }

  private func reading() throws -> [(Position, Int64)] {
    let reading = try queries.usage(of: .id(user), at: moment)
    return reading.map { [($0.position, $0.policy.limits.daily.rawValue)] } ?? []
  }
}
