import Dispatch
import EventLog
import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Synchronization
import Testing

@Suite struct `A committer` {
  let directory: TemporaryDirectory
  let user = System.randomUser()

  init() throws {
    directory = try TemporaryDirectory()
    try Store.create(at: path, clock: System.clock)
    let store = try Store(at: path, mode: .writing)
    let registration = Registration(user: user, name: nil, role: .user)
    _ = try Ledger(store: store).execute([Submission(.register(registration), by: .operator)])
  }

  private var path: String { directory.path + "/store" }

  @Test func `answers every command once, whoever sends it and whenever it stops`() throws {
    let answers = Answers()
    let store = try Store(at: path, mode: .writing)
    let committer = try Committer(store: store) { answers.take($0) }
    let user = user
    let taken = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: 4) { sender in
      for number in 0..<250 {
        var tickets = [Self.spend(user, number: UInt64(sender * 1000 + number))]
        committer.submit(&tickets)
        taken.add(1 - tickets.count, ordering: .relaxed)
      }
    }
    committer.stop()
    var late = [Self.spend(user, number: 9999)]
    committer.submit(&late)
    #expect(late.count == 1, "a committer that has stopped takes nothing")
    let positions = answers.positions
    #expect(taken.load(ordering: .relaxed) == 1000)
    #expect(answers.count == 1000)
    #expect(positions.count == 1000)
    #expect(Set(positions.values).count == 1000, "every command has an event of its own")
    #expect(try store.log.head() == Position(1001))
  }

  @Test func `takes as many commands as it has room for, and answers those`() throws {
    let answers = Answers()
    let store = try Store(at: path, mode: .writing)
    let committer = try Committer(store: store) { answers.take($0) }
    var tickets = (0..<40_000).map { Self.spend(user, number: $0) }
    committer.submit(&tickets)
    let taken = 40_000 - tickets.count
    committer.stop()
    #expect(taken == Committer.queueCapacity)
    #expect(answers.positions.keys.sorted() == Array(0..<UInt64(taken)))
  }

  @Test(.timeLimit(.minutes(1)))
  func `ends a hold when its time has come, without being asked`() throws {
    let store = try Store(at: path, mode: .writing)
    let clock = HandClock(at: System.clock())
    let answers = Answers()
    let committer = try Committer(store: store, clock: clock.clock) { answers.take($0) }
    let hold = Command.hold(user: user, 5, seconds: 30)
    var tickets = [Committer.Ticket(Submission(hold, by: .operator), number: 1)]
    committer.submit(&tickets)
    while answers.count == 0 { usleep(1000) }
    #expect(try reserved(store) == 5)
    clock.move(bySeconds: 30)
    while try store.log.head() < Position(3) { usleep(1000) }
    committer.stop()
    #expect(try reserved(store) == 0)
    #expect(try store.verifyProjection() == nil)
  }

  private func reserved(_ store: Store) throws -> Int64? {
    try Queries(store).usage(of: .id(user), at: System.clock())?.account.reserved.rawValue
  }

  private static func spend(_ user: UserID, number: UInt64) -> Committer.Ticket {
    Committer.Ticket(Submission(.usage(of: user, 1), by: .operator), number: number)
  }
}

/// What a committer has delivered.
private final class Answers: Sendable {
  private let delivered = Mutex<[(number: UInt64, answer: Answer)]>([])

  func take(_ new: [(number: UInt64, answer: Answer)]) { delivered.withLock { $0 += new } }

  var count: Int { delivered.withLock { $0.count } }

  /// The position that each number was told.
  var positions: [UInt64: Position] {
    delivered.withLock { (delivered) in
      Dictionary(
        delivered.compactMap { (number, answer) in
          answer.receipt.map { (number, $0.position) }
        }
      ) { first, _ in first }
    }
  }
}
