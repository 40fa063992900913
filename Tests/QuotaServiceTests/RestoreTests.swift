import EventLog
import Foundation
import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

@Suite struct `A restored store` {
  let open: OpenLedger
  let directory: TemporaryDirectory
  let backup: String
  var numbers = SeededNumbers()

  init() throws {
    open = try OpenLedger()
    directory = try TemporaryDirectory()
    backup = directory.path + "/backup"
  }

  private func backUp() throws { _ = try open.store.backUp(to: backup, clock: open.clock.clock) }

  @discardableResult
  private func register(_ name: String) throws -> UserID {
    let user = System.randomUser()
    try open.execute(.register(Registration(user: user, name: try UserName(name), role: .user)))
    return user
  }

  /// The names as they are now, in a directory of their own.
  private func namesCopy() throws -> String {
    let path = directory.path + "/names"
    try Files.makeDirectory(path)
    try open.store.names.copy(to: path)
    return path
  }

  /// Restores, and says whether the store is the log that was backed up: by id, origin and key, or by none.
  private func restore(
    to point: PointInTime?, _ number: Int = 0
  ) throws -> (path: String, report: RestoreReport, isSameLog: Bool) {
    let path = "\(directory.path)/restored\(number)"
    let report = try Backup(at: backup).restore(to: path, point: point)
    let store = try Store(at: path, mode: .writing)
    let likenesses = [
      store.logID == open.store.logID, try store.origin() == open.store.origin(),
      try store.verifyingKey() == open.store.verifyingKey(),
    ]
    #expect(Set(likenesses).count == 1, "\(likenesses)")
    try store.close()
    return (path, report, likenesses[0])
  }

  /// Two logs that part must not be signed for by one key, whatever clocks say.
  @Test mutating func `is the log before if and only if it has every record`() throws {
    let user = try open.register()
    for _ in 0..<12 {
      open.clock.move(bySeconds: Int64.random(in: -40_000_000..<40_000_000, using: &numbers))
      try open.execute(.usage(of: user, 1))
    }
    open.clock.move(bySeconds: Int64.random(in: -80_000_000..<10, using: &numbers))
    try backUp()
    let head = try open.store.log.head()
    let times = try (1...head.rawValue).compactMap { try open.store.log.event(at: Position($0)) }
      .map(\.recordedAt.microseconds)
    let edges = Set(times).flatMap { [$0 - 1, $0, $0 + 1] } + [open.clock.now.microseconds]
    var points = edges.shuffled(using: &numbers).prefix(6)
      .map { PointInTime.moment(Moment(microseconds: $0)) }
    points += [head, Position(head.rawValue - 1)].map { .position($0) }
    for (number, point) in points.enumerated() {
      do {
        let (_, report, isSameLog) = try restore(to: point, number)
        #expect(report.isWhole == (report.position == head), "\(point), seed \(numbers.seed)")
        #expect(report.isWhole == isSameLog, "\(point), seed \(numbers.seed)")
      } catch StoreFailure.backupRefused(_, "nothing had happened by then") {
        continue
      }
    }
  }

  @Test func `signs nothing for another log where the clock of a backup was behind`() throws {
    let user = try open.register()
    open.clock.move(bySeconds: 86_400)
    try open.execute(.usage(of: user, 1))
    open.clock.move(bySeconds: -86_400)
    try backUp()
    let (_, report, isSameLog) = try restore(to: .moment(open.clock.now))
    #expect(!report.isWhole && !isSameLog)
    #expect(report.position == Position(2))
  }

  @Test func `has no name and no text whose event it does not have`() throws {
    let kept = try register("Grace Hopper")
    let point = try open.store.log.head()
    let later = try register("Ada Lovelace")
    let session = SessionOpening(
      id: try SessionID("s"), user: kept, viewer: .everybody, text: Array("said later".utf8),
      whenItExists: .compare)
    try open.execute(.session(.start(session)))
    try backUp()
    let (path, _, _) = try restore(to: .position(point))
    let store = try Store(at: path, mode: .reading)
    #expect(try store.names.user(named: "Grace Hopper") == kept)
    #expect(try store.names.user(named: "Ada Lovelace") == nil)
    #expect(try store.names.name(of: later) == nil)
    let bytes = try Data(contentsOf: URL(filePath: path + "/names/data.mdb"))
    for text in ["Ada Lovelace", "said later"] {
      #expect(bytes.range(of: Data(text.utf8)) == nil, "\(text)")
    }
  }

  /// A backup copies the names after it has chosen its end, and an interrupted run copies them for the run before.
  @Test func `has no name that came into the backup behind its records`() throws {
    try register("Grace Hopper")
    try backUp()
    try register("Ada Lovelace")
    let fresh = try namesCopy()
    try Files.move(fresh + "/data.mdb", to: backup + "/names.mdb")
    let (path, report, isSameLog) = try restore(to: nil)
    #expect(report.isWhole && isSameLog)
    let store = try Store(at: path, mode: .reading)
    #expect(try store.names.user(named: "Grace Hopper") != nil)
    #expect(try store.names.user(named: "Ada Lovelace") == nil)
    #expect(try store.log.nameTally()?.givenCount == 1)
  }

  @Test func `is not made of a backup that lacks names`() throws {
    try register("Grace Hopper")
    let fresh = try namesCopy()
    try register("Ada Lovelace")
    try backUp()
    try Files.move(fresh + "/data.mdb", to: backup + "/names.mdb")
    #expect {
      try Backup(at: backup).restore(to: directory.path + "/restored")
    } throws: { error in
      "\(error)".contains("1 of 2 names")
    }
    #expect(!Files.exists(directory.path + "/restored"))
  }
}

@Suite struct `A log that goes on without its end` {
  @Test func `has another key, once the loss is accepted`() throws {
    let open = try OpenLedger()
    let user = try open.register()
    let old = try open.store.verifyingKey()
    open.close()
    let copy = open.path + "/../log"
    try Files.copy(open.path + "/log/data.mdb", to: copy)
    try open.reopen()
    try open.execute(.usage(of: user, 1))
    try open.store.keepCheckpoint()
    open.close()
    try Files.remove(open.path + "/log/data.mdb")
    try Files.copy(copy, to: open.path + "/log/data.mdb")
    #expect(throws: StoreFailure.self) { try Store(at: open.path, mode: .writing) }
    func accept() throws -> Store {
      try Store(at: open.path, mode: .writing, acceptingLostEvents: true)
    }
    let key = try accept().verifyingKey()
    #expect(key != old)
    #expect(try Store.publishedKeys(ofStoreAt: open.path) == [key, old])
    #expect(try accept().verifyingKey() == key, "nothing is lost any more")
  }
}
