import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Synchronization
import Testing

@Suite struct `Commands in lanes` {
  let directory: TemporaryDirectory
  let committer: Committer
  let answers = Arrivals()
  let user = System.randomUser()
  let flooder = Actor.user(System.randomUser())
  let other = Actor.user(System.randomUser())

  init() throws {
    directory = try TemporaryDirectory()
    let path = directory.path + "/store"
    try Store.create(at: path, clock: System.clock)
    let store = try Store(at: path, mode: .writing)
    committer = try Committer(store: store) { [answers] in answers.put($0.map(\.number)) }
    var first = [
      Committer.Ticket(
        Submission(.register(Registration(user: user, name: nil, role: .user)), by: .operator),
        number: 0)
    ]
    committer.submit(&first)
    answers.wait(count: 1)
  }

  @Test func `of somebody else do not wait for all of a flood`() throws {
    let lanes = CommandLanes(committer)
    for number in 1...30_000 { lanes.submit(spend(UInt64(number), by: flooder)) }
    lanes.flush()
    lanes.submit(spend(50_000, by: other))
    try run(lanes, until: 30_001)
    let order = answers.order
    let place = try #require(order.firstIndex(of: 50_000))
    #expect(place <= 4096 + 128, "it came behind \(place) others")
    #expect(order.filter { $0 < 50_000 } == Array(0...30_000))
    committer.stop()
  }

  @Test func `of a batch are made when they go, in their order, and beside single ones`() throws {
    let lanes = CommandLanes(committer)
    var made: [Int] = []
    let batch = CommandBatch(count: 10_000) {
      made.append($0)
      return spend(UInt64(1 + $0), by: flooder)
    }
    lanes.submit(batch, by: flooder)
    lanes.submit(spend(20_000, by: flooder))
    lanes.submit(spend(20_001, by: other))
    #expect(made.isEmpty)
    lanes.flush()
    #expect(made.count == 127, "one goes beside them")
    try run(lanes, until: 10_002)
    #expect(made == Array(0..<10_000))
    #expect(answers.order.filter { $0 < 20_000 } == Array(0...10_000))
    #expect(answers.order.prefix(130).contains(20_000))
    #expect(answers.order.prefix(130).contains(20_001))
    committer.stop()
  }

  @Test func `of a batch go on beside as many single ones as there may be`() throws {
    let lanes = CommandLanes(committer)
    lanes.submit(spend(90_000, by: other))
    lanes.submit(CommandBatch(count: 200) { spend(UInt64(1 + $0), by: flooder) }, by: flooder)
    for number in 0..<1000 { lanes.submit(spend(10_000 + UInt64(number), by: flooder)) }
    try run(lanes, until: 1201)
    let last = try #require(answers.order.lastIndex { (1...200).contains($0) })
    #expect(last < 520, "a batch of 200 came behind \(last) others")
    committer.stop()
  }

  @Test func `are refused by nobody while the committer takes some`() throws {
    let lanes = CommandLanes(committer)
    var refused: [UInt64] = []
    lanes.onRefusal.append { refused.append($0) }
    var number: UInt64 = 0
    for _ in 0..<200 {
      let actor = Actor.user(System.randomUser())
      for _ in 0..<128 {
        number += 1
        lanes.submit(spend(number, by: actor))
      }
    }
    try run(lanes, until: Int(number))
    #expect(refused == [])
    committer.stop()
  }

  @Test func `of a small batch are done before what follows`() throws {
    let lanes = CommandLanes(committer)
    lanes.submit(CommandBatch(count: 128) { spend(UInt64(1 + $0), by: flooder) }, by: flooder)
    lanes.submit(spend(200, by: flooder))
    try run(lanes, until: 129)
    #expect(answers.order == Array(0...128) + [200])
    committer.stop()
  }

  @Test func `of a batch take their room as a whole`() {
    let lanes = CommandLanes(committer)
    let half = CommandLanes.capacity / 2
    lanes.submit(CommandBatch(count: half) { spend(UInt64($0), by: flooder) }, by: flooder)
    #expect(!lanes.hasRoom(for: 1, from: flooder))
    #expect(lanes.hasRoom(for: 10_000, from: other))
    committer.stop()
    var refused: [UInt64] = []
    lanes.onRefusal.append { refused.append($0) }
    for _ in 0...(half / 4096) { lanes.flush() }
    #expect(refused.sorted() == (0..<UInt64(half)).map { $0 })
    #expect(lanes.hasRoom(for: half, from: flooder))
  }

  @Test func `of one actor go in small parts while another one was there a moment ago`() throws {
    var now: UInt64 = 1
    let lanes = CommandLanes(committer) { now }
    var made = 0
    let batch = CommandBatch(count: 10_000) {
      made += 1
      return spend(UInt64(1 + $0), by: flooder)
    }
    lanes.submit(spend(20_000, by: other))
    lanes.submit(batch, by: flooder)
    lanes.flush()
    #expect(made == 128)
    answers.wait(count: 1 + 129)
    lanes.answered(129)
    now += 1_000_000_000
    lanes.flush()
    #expect(made == 256)
    answers.wait(count: 1 + 257)
    lanes.answered(128)
    now += 2_000_000_000
    lanes.flush()
    #expect(made == 256 + 4096)
    committer.stop()
  }

  @Test func `come all or not at all, and leave room for others`() throws {
    let lanes = CommandLanes(committer)
    let half = CommandLanes.capacity / 2
    #expect(lanes.hasRoom(for: half, from: flooder) == true)
    #expect(lanes.hasRoom(for: CommandLanes.capacity + 1, from: flooder) == false)
    for number in 1...half { lanes.submit(spend(UInt64(number), by: flooder)) }
    #expect(!lanes.hasRoom(for: 1, from: flooder))
    #expect(lanes.hasRoom(for: 10_000, from: other))
    var refused: [UInt64] = []
    lanes.onRefusal.append { refused.append($0) }
    lanes.submit(spend(99_999, by: flooder))
    lanes.submit(spend(100_000, by: other))
    lanes.flush()
    #expect(refused == [99_999])
    committer.stop()
  }

  @Test func `are refused once the committer has stopped`() {
    let lanes = CommandLanes(committer)
    committer.stop()
    var refused: [UInt64] = []
    lanes.onRefusal.append { refused.append($0) }
    for number in 1...3 { lanes.submit(spend(UInt64(number), by: number == 2 ? other : flooder)) }
    lanes.flush()
    #expect(refused.sorted() == [1, 2, 3])
    #expect(lanes.hasRoom(for: CommandLanes.capacity / 2, from: flooder))
  }

  /// Does what the loop does, until so many commands have been answered.
  private func run(_ lanes: CommandLanes, until count: Int) throws {
    var seen = 1
    while seen < count + 1 {
      lanes.flush()
      answers.wait(count: seen + 1)
      let now = answers.order.count
      lanes.answered(now - seen)
      seen = now
    }
  }

  private func spend(_ number: UInt64, by actor: Actor) -> Committer.Ticket {
    Committer.Ticket(Submission(.usage(of: user, 1), by: actor), number: number)
  }
}

/// The numbers of answers, in the order in which they came.
final class Arrivals: Sendable {
  private let numbers = Mutex<[UInt64]>([])

  var order: [UInt64] { numbers.withLock { $0 } }

  func put(_ new: [UInt64]) { numbers.withLock { $0 += new } }

  func wait(count: Int) {
    while numbers.withLock({ $0.count }) < count { usleep(500) }
  }
}
