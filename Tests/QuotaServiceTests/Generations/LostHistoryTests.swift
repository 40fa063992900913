import Foundation
import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

/// A log that lost its end for good, and grew again past where its generations were.
@Suite struct `A generation with events that the log has lost` {
  private let directory: TemporaryDirectory
  private let user = System.randomUser()
  /// It stands still: neither times nor amounts tell the one history from the other.
  private let clock = HandClock(at: Moment(microseconds: 1_768_480_000_000_000))
  private var path: String { directory.path + "/store" }

  init() throws { directory = try TemporaryDirectory() }

  @Test(arguments: [false, true], [1, 40, 300])
  func `is never usable again`(isClosed: Bool, lostCount: Int) throws {
    try begin(spending: 30)
    try FileManager.default.copyItem(
      atPath: path + "/log", toPath: directory.path + "/older")
    try spend([1000] + Array(repeating: 5, count: lostCount), closing: isClosed)
    try Files.removeTree(path + "/log")
    try FileManager.default.copyItem(
      atPath: directory.path + "/older", toPath: path + "/log")
    #expect(throws: StoreFailure.self) { try Store(at: path, mode: .writing) }
    let number = try rebuildWithout(lostCount)
    // The same at the old one's position, and something else before.
    try spend([1] + Array(repeating: 5, count: lostCount + 3), closing: true)
    let operators = try ProjectionStore(ofStoreAt: path)
    #expect(throws: StoreFailure.self) { try operators.rollback() }
    let list = try operators.list()
    #expect(list.first { $0.number == number }?.condition == .complete)
    #expect(list.filter { $0.condition == .complete }.count == 1)
  }

  private func rebuildWithout(_ lostCount: Int) throws -> UInt64 {
    let operators = try ProjectionStore(ofStoreAt: path)
    #expect(throws: StoreFailure.self) { try operators.rebuild() }
    let number = try operators.rebuild(acceptingLostEvents: true).number
    _ = try operators.swap(to: number, acceptingLostEvents: true)
    try Files.remove(path + "/checkpoint")
    return number
  }

  private func begin(spending count: Int) throws {
    try Store.create(at: path, clock: clock.clock)
    let store = try Store(at: path, mode: .writing)
    let ledger = try Ledger(store: store, clock: clock.clock)
    let registration = Registration(user: user, name: nil, role: .user)
    _ = ledger.execute([Submission(.register(registration), by: .operator)])
    for _ in 0..<count {
      _ = ledger.execute([Submission(.usage(of: user, 5), by: .operator)])
    }
    try store.close()
  }

  /// Without `closing` as a process that is killed.
  private func spend(_ amounts: [Int64], closing: Bool) throws {
    let store = try Store(at: path, mode: .writing)
    let ledger = try Ledger(store: store, clock: clock.clock)
    for amount in amounts {
      _ = ledger.execute([Submission(.usage(of: user, amount), by: .operator)])
    }
    ledger.storeFolded()
    if closing { try store.close() }
  }
}

/// Somebody put the projections of another store into this one.
@Suite struct `A projection of another log` {
  @Test(arguments: [false, true], [false, true])
  func `is folded anew, however far it was`(isClosed: Bool, isCopied: Bool) throws {
    let (one, other) = (try OpenLedger(), try OpenLedger())
    let user = try one.register()
    try one.execute(.usage(of: user, 5))
    let stranger = try other.register()
    for _ in 0..<40 { try other.execute(.usage(of: stranger, 1)) }
    other.ledger.storeFolded()
    try other.store.close()
    if !isClosed { try other.reopen() }
    one.close()
    other.close()
    let (place, source) = (one.path + "/projections", other.path + "/projections")
    try FileManager.default.removeItem(atPath: place)
    if isCopied {
      try FileManager.default.copyItem(atPath: source, toPath: place)
    } else {
      try FileManager.default.moveItem(atPath: source, toPath: place)
    }
    try one.reopen()
    #expect(try one.used(by: user) == 5)
    #expect(try one.store.verifyProjection() == nil)
  }
}

/// What can be known of a projection that cannot be read still says whether the log has lost its end.
@Suite struct `A projection that is damaged` {
  @Test func `does not hide that the log has lost its end`() throws {
    let open = try OpenLedger()
    let user = try open.register()
    let older = try TemporaryDirectory()
    try open.store.close()
    open.close()
    try FileManager.default.copyItem(atPath: open.path + "/log", toPath: older.path + "/log")
    try open.reopen()
    for _ in 0..<10 { try open.execute(.usage(of: user, 1)) }
    open.ledger.storeFolded()
    try open.store.close()
    try open.reopen()
    open.close()
    try FileManager.default.removeItem(atPath: open.path + "/log")
    try FileManager.default.copyItem(atPath: older.path + "/log", toPath: open.path + "/log")
    try Files.remove(open.path + "/checkpoint")
    let file = try FileHandle(forUpdating: URL(filePath: open.path + "/projections/1/data.mdb"))
    try file.write(contentsOf: [UInt8](repeating: 0xA5, count: 8192))
    try file.close()
    var failure: StoreFailure?
    do { try open.reopen() } catch let error as StoreFailure { failure = error }
    guard case .logLostItsEnd = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
  }
}
