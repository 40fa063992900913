import Foundation
import HTTPServer
import LedgerSimulation
import QuotaModel
import QuotaService

@testable import QuotaAPI

/// A feed over a store of its own, with a loop that turns by hand.
final class FeedStage {
  let feed: EventFeed
  let store: Store
  let outlet = ScriptedOutlet()
  private let ledger: Ledger
  private var jobs: [() -> Void] = []
  private var lastNumber: UInt64 = 0
  /// Who spends.
  let users: [UserID]
  /// The last to go: LMDB knows open stores by their inodes, which the next directory may get.
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    let path = directory.path + "/store"
    try Store.create(at: path, clock: System.clock)
    store = try Store(at: path, mode: .writing)
    ledger = try Ledger(store: store)
    users = (0..<3).map { _ in System.randomUser() }
    feed = EventFeed(Queries(store))
    feed.outlet = outlet
    for user in users {
      try execute(.register(Registration(user: user, name: nil, role: .user)))
    }
    feed.runLater = { [unowned self] _, job in
      jobs.append(job)
      return true
    }
  }

  /// Has so many tokens spent by as many events, and the feed told.
  func spend(_ count: Int, by user: Int = 0) throws {
    for start in stride(from: 0, to: count, by: 500) {
      try execute(
        (start..<min(count, start + 500)).map { _ in
          .recordUsage(
            UsageReport(
              user: .id(users[user]), usage: TokenUsage(total: TokenCount(1) ?? .zero)))
        })
    }
    feed.noteNews()
  }

  func execute(_ commands: Command...) throws { try execute(commands) }

  func execute(_ commands: [Command]) throws {
    for answer in ledger.execute(commands.map { Submission($0, by: .operator) }) {
      if case .failed(let failure) = answer { throw failure }
    }
  }

  func listen(
    _ interest: EventInterest = EventInterest(), after position: UInt64? = nil,
    whileAllowed isAllowed: @escaping () -> Bool = { true }
  ) throws -> StreamHandle {
    lastNumber += 1
    let handle = StreamHandle(sequence: lastNumber)
    try feed.begin(
      handle, interest, behind: position.map { Position($0) } ?? head, isChosen: position != nil,
      whileAllowed: isAllowed)
    return handle
  }

  var head: Position { (try? Queries(store).head()) ?? .zero }

  /// Has the loop do what is due; nothing is read by clients meanwhile.
  func turn() {
    let due = jobs
    jobs = []
    for job in due { job() }
  }

  /// Turns, with clients reading everything, until nothing is left to do.
  func settle() {
    for _ in 0..<10_000 {
      for handle in outlet.read() { feed.proceed(handle) }
      if jobs.isEmpty { return }
      turn()
    }
  }

  /// Events of the log that fit.
  func positions(
    after position: UInt64 = 0, where isWanted: (Event) -> Bool = { _ in true }
  ) throws -> [UInt64] {
    var filter = EventFilter()
    filter.after = Position(position)
    filter.limit = .max
    return try Queries(store).events(filter).events.filter(isWanted).map(\.position.rawValue)
  }
}

/// Where streams write to; clients read by hand.
final class ScriptedOutlet: StreamOutlet {
  private var waiting: [StreamHandle: [UInt8]] = [:]
  private var taken: [StreamHandle: [UInt8]] = [:]
  private var asked: Set<StreamHandle> = []
  private(set) var ended: Set<StreamHandle> = []
  private(set) var writeCount = 0
  /// Clients that read nothing.
  var stuck: Set<StreamHandle> = []

  func write(_ piece: [UInt8], to handle: StreamHandle) -> Bool {
    writeCount += 1
    waiting[handle, default: []] += piece
    return true
  }

  func end(_ handle: StreamHandle) { ended.insert(handle) }
  func notifyWhenSent(_ handle: StreamHandle) { asked.insert(handle) }
  func pendingBytes(_ handle: StreamHandle) -> Int { waiting[handle]?.count ?? 0 }

  /// Clients read what there is; answers of which the feed wants to be told.
  func read() -> [StreamHandle] {
    for (handle, bytes) in waiting where !stuck.contains(handle) {
      taken[handle, default: []] += bytes
      waiting[handle] = nil
    }
    let told = asked.subtracting(stuck)
    asked.subtract(told)
    return Array(told)
  }

  /// What a client has read: ids and names of events.
  func events(_ handle: StreamHandle) -> [(id: UInt64, name: String)] {
    let text = String(decoding: taken[handle] ?? [], as: UTF8.self)
    return text.components(separatedBy: "\n\n").compactMap { block in
      let lines = block.split(separator: "\n")
      guard lines.count == 3, lines[2].hasPrefix("data: {") else { return nil }
      return (UInt64(lines[0].dropFirst(4)) ?? 0, String(lines[1].dropFirst(7)))
    }
  }

  /// Ids of events of the log.
  func positions(_ handle: StreamHandle) -> [UInt64] {
    events(handle).filter { $0.name != FeedPiece.progressName }.map(\.id)
  }

  /// The id that a client would come again with.
  func lastID(_ handle: StreamHandle) -> UInt64? { events(handle).last?.id }
}
