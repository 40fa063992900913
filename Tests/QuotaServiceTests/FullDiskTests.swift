import EventLog
import Foundation
import LedgerSimulation
import Projections
import QuotaModel
import Testing

@testable import QuotaService

@Suite(.enabled(if: SmallDisk.isPermitted, "mounting a small file system takes root"))
struct `A full disk` {
  let disk: SmallDisk
  let seed = SeededNumbers().seed

  init() throws { disk = try SmallDisk() }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `refuses whole batches, and loses nothing when there is room again`(
    number: UInt64
  ) throws {
    var numbers = SeededNumbers(seed: seed + number)
    let simulation = try Simulation(at: disk.path + "/store", seed: seed + number)
    var refusals = 0
    for round in 0..<8 {
      disk.fill(leaving: round == 0 ? 0 : Int(numbers.number(0...160)))
      if try simulation.runUntilUnavailable(batches: 60) { refusals += 1 }
      disk.makeRoom()
      let refused = simulation.refusedBatchCount
      try simulation.run(batches: 5, reopening: false)
      #expect(simulation.refusedBatchCount == refused, "seed \(seed), case \(number)")
    }
    #expect(refusals > 0, "seed \(seed), case \(number)")
    #expect(simulation.disagreement == nil, "seed \(seed), case \(number)")
    simulation.ledger.storeFolded()
    #expect(try simulation.store.verifyProjection() == nil, "seed \(seed), case \(number)")
  }

  @Test func `answers questions all the while`() throws {
    let open = try OpenLedger(at: disk.path + "/store")
    let user = try open.register()
    disk.fill()
    let spent = try spendUntilUnavailable(open, user)
    #expect(open.ledger.outage != nil)
    #expect(try open.used(by: user) == spent)
    disk.makeRoom()
    #expect(try open.ledger.recover())
    #expect(open.ledger.outage == nil)
    #expect(try open.used(by: user) == spent)
  }

  /// What has to be stored at once is shown from memory, and nothing touches pages that a mark vouches for.
  @Test func `at the start leaves the projection as it was closed, and shows all the log`() throws {
    let open = try OpenLedger(at: disk.path + "/store")
    let user = try open.register()
    for tokens in 1...20 as ClosedRange<Int64> { try open.execute(.usage(of: user, tokens)) }
    try open.store.close()
    let closed = try setAsideProjections(open)
    try open.reopen()
    let later = try open.register()
    for tokens in 1...5 as ClosedRange<Int64> { try open.execute(.usage(of: later, tokens)) }
    _ = try open.hold(7, of: user, seconds: 3600)
    try bringBack(closed, of: open)
    let file = URL(filePath: open.path + "/projections/1/data.mdb")
    let before = try Data(contentsOf: file)
    disk.fill()
    try open.reopen()
    #expect(open.store.outageSinceStart?.remedy == .makeRoom)
    #expect(try open.used(by: later) == 15)
    #expect(try open.execute(.usage(of: later, 1)).receipt == nil)
    #expect(try Data(contentsOf: file) == before)
    #expect(
      try Generation.trust(at: open.path + "/projections/1", bootID: System.bootID) == .closed)
    disk.makeRoom()
    #expect(try open.execute(.usage(of: later, 1)).receipt != nil)
    #expect(try open.used(by: later) == 16)
    open.ledger.storeFolded()
    #expect(try open.store.verifyProjection() == nil)
  }

  /// The tables know of no session yet, whether it is there or gone; what the log says waits for them.
  @Test func `at the start takes no text from a session, and keeps none`() throws {
    let open = try OpenLedger(at: disk.path + "/store")
    try open.store.close()
    let closed = try setAsideProjections(open)
    try open.reopen()
    let text = Array("said while there was room".utf8)
    let refs = try ["kept", "gone"].map { (id) in
      let opening = SessionOpening(
        id: try SessionID(id), user: nil, viewer: .everybody, text: text, whenItExists: .compare)
      return try #require(try open.execute(.session(.start(opening))).session?.ref)
    }
    let said = refs.map { SessionText(session: $0, position: $0.position, bytes: text) }
    let address = SessionAddress(try SessionID("gone"), as: .everybody, ref: refs[1])
    try open.execute(.session(.delete(address)))
    // The commit was cut before what the deletion erases.
    try open.store.names.store([:], said + [NameStore.mark(of: refs[1])])
    try bringBack(closed, of: open)
    disk.fill()
    try open.reopen()
    #expect(open.store.outageSinceStart?.remedy == .makeRoom)
    #expect(try open.store.names.text(of: refs[0], at: refs[0].position) == text)
    #expect(try open.store.names.text(of: refs[1], at: refs[1].position) == text)
    disk.makeRoom()
    #expect(try open.ledger.recover())
    #expect(try Queries(open.store).text(of: refs[0], at: refs[0].position) == text)
    #expect(try open.store.names.text(of: refs[1], at: refs[1].position) == nil)
  }

  /// A store that was opened on a full disk, for questions only; the disk has room by now.
  private func openedWithoutRoom() throws -> (OpenLedger, UserID) {
    let open = try OpenLedger(at: disk.path + "/store")
    let user = try open.register()
    try open.execute(.usage(of: user, 7))
    try open.store.close()
    let closed = try setAsideProjections(open)
    try open.reopen()
    try open.execute(.usage(of: user, 1))
    try bringBack(closed, of: open)
    disk.fill()
    try open.reopen()
    #expect(open.store.outageSinceStart?.remedy == .makeRoom)
    disk.makeRoom()
    return (open, user)
  }

  /// The tables are still those that a mark vouches for, and have not got the end of the log.
  @Test func `at the start keeps a calendar and imports out until the ledger has recovered`() throws
  {
    let (open, user) = try openedWithoutRoom()
    let calendar = CalendarSetting(zone: "Asia/Tokyo", weekStart: .monday)
    let head = try open.store.log.head()
    #expect(throws: StoreFailure.self) {
      try open.store.setCalendar(calendar, clock: open.clock.clock)
    }
    #expect(throws: StoreFailure.self) { try Importer(into: open.store) }
    #expect(try open.store.log.head() == head)
    #expect(
      try Generation.trust(at: open.path + "/projections/1", bootID: System.bootID) == .closed)
    #expect(try open.ledger.recover())
    _ = try Importer(into: open.store)
    #expect(try open.used(by: user) == 8)
  }

  @Test func `at the start is over where another generation is taken into use`() throws {
    let (open, user) = try openedWithoutRoom()
    open.store.replaceGeneration(
      with: try Generations(ofStoreAt: open.path, log: open.store.log)
        .rebuild(calendar: nil, progress: nil))
    #expect(open.store.outageSinceStart == nil)
    #expect(try open.execute(.usage(of: user, 1)).receipt != nil)
    #expect(try open.used(by: user) == 9)
    open.ledger.storeFolded()
    try open.store.close()
    try open.reopen()
    #expect(try open.used(by: user) == 9)
    #expect(try open.store.verifyProjection() == nil)
    let pointer = Generations(ofStoreAt: open.path, log: open.store.log).pointer
    #expect(pointer?.live == 2)
  }

  /// Closes the store; answers a copy of its projections.
  private func setAsideProjections(_ open: OpenLedger) throws -> TemporaryDirectory {
    open.close()
    let directory = try TemporaryDirectory()
    try FileManager.default.copyItem(
      atPath: open.path + "/projections", toPath: directory.path + "/projections")
    return directory
  }

  private func bringBack(_ copy: TemporaryDirectory, of open: OpenLedger) throws {
    open.close()
    try FileManager.default.removeItem(atPath: open.path + "/projections")
    try FileManager.default.copyItem(
      atPath: copy.path + "/projections", toPath: open.path + "/projections")
  }

  @Test func `is named where it may be the cause`() throws {
    let open = try OpenLedger(at: disk.path + "/store")
    let user = try open.register()
    disk.fill()
    _ = try spendUntilUnavailable(open, user)
    let outage = try #require(open.ledger.outage)
    #expect(outage.description.contains("full"))
    #expect(outage.remedy == .makeRoom)
  }

  @Test(arguments: [ProjectionFailure.diskFull, .inputOutput])
  func `is named by a projection that cannot be written`(failure: ProjectionFailure) {
    #expect(StoreFailure.projection(failure).description.contains("full"))
    #expect(StoreFailure.projection(failure).remedy == .makeRoom)
  }

  /// Spends single tokens until the ledger takes no more; answers how many it took.
  private func spendUntilUnavailable(_ open: OpenLedger, _ user: UserID) throws -> Int64 {
    for count in 0..<100_000 as Range<Int64> {
      if try open.execute(.usage(of: user, 1)).receipt == nil { return count }
    }
    Issue.record("the disk never became full")
    return 100_000
  }
}
