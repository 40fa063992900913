import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@testable import Webhooks

@Suite struct `A webhook's place in the log` {
  private let directory: LedgerSimulation.TemporaryDirectory
  private let path: String

  init() throws {
    directory = try LedgerSimulation.TemporaryDirectory()
    path = directory.path + "/store"
    try Store.create(at: path, clock: System.clock)
  }

  @Test func `is the end of the log when it is new`() throws {
    let store = try open()
    try register(in: store, count: 3)
    let keeper = try PositionKeeper([WebhookName("ops")], of: store)
    #expect(keeper.position(of: try WebhookName("ops")) == Position(3))
  }

  @Test func `is known from then on, without anything delivered`() throws {
    let store = try open()
    try register(in: store, count: 3)
    _ = try PositionKeeper([WebhookName("ops")], of: store)
    try register(in: store, count: 2)
    let keeper = try PositionKeeper([WebhookName("ops"), WebhookName("new")], of: store)
    #expect(keeper.position(of: try WebhookName("ops")) == Position(3))
    #expect(keeper.position(of: try WebhookName("new")) == Position(5))
  }

  @Test func `stays while it is not configured`() throws {
    let store = try open()
    try register(in: store, count: 3)
    _ = try PositionKeeper([WebhookName("ops")], of: store)
    try register(in: store, count: 2)
    _ = try PositionKeeper([WebhookName("other")], of: store)
    let keeper = try PositionKeeper([WebhookName("ops")], of: store)
    #expect(keeper.position(of: try WebhookName("ops")) == Position(3))
  }

  @Test func `is never behind the end of a log that lost events`() throws {
    let store = try open()
    try register(in: store, count: 3)
    try DeliveryPositions(of: store).write(["ops": Position(50)])
    _ = try PositionKeeper([WebhookName("ops")], of: store)
    #expect(try DeliveryPositions(of: store).read() == ["ops": Position(3)])
  }

  @Test func `means nothing in another log`() throws {
    let store = try open()
    try register(in: store, count: 3)
    _ = try PositionKeeper([WebhookName("ops")], of: store)
    let other = directory.path + "/other"
    try Store.create(at: other, clock: System.clock)
    try FileManager.default.copyItem(atPath: path + "/webhooks", toPath: other + "/webhooks")
    let otherStore = try Store(at: other, mode: .writing)
    #expect(try DeliveryPositions(of: otherStore).read() == [:])
  }

  @Test(arguments: [
    "", "x", "quotalog-webhooks 2\nlog LOG\n", "quotalog-webhooks 1\nlog LOG\nops\n",
    "quotalog-webhooks 1\nlog LOG\nops -1\n", "quotalog-webhooks 1\nlog LOG\nops 1 2\n",
  ])
  func `is not guessed from a damaged file`(text: String) throws {
    let store = try open()
    let text = text.replacing("LOG", with: "\(store.logID)")
    try Data(text.utf8).write(to: URL(filePath: path + "/webhooks"))
    #expect(throws: StoreFailure.self) { try PositionKeeper([WebhookName("ops")], of: store) }
  }

  @Test func `is not guessed from a file that was cut, wherever that was`() throws {
    let positions = DeliveryPositions(of: try open())
    try positions.write(["ops": Position(300), "other": Position(1)])
    let file = URL(filePath: path + "/webhooks")
    let whole = try Data(contentsOf: file)
    for count in 0..<whole.count {
      try whole.prefix(count).write(to: file)
      #expect(throws: StoreFailure.self, "\(count) bytes") { try positions.read() }
    }
  }

  @Test func `is written by a thread of its own`() throws {
    let store = try open()
    let positions = DeliveryPositions(of: store)
    #expect(positions.writeLater(["ops": Position(7)]))
    positions.stop()
    #expect(positions.failure == nil)
    #expect(try DeliveryPositions(of: store).read() == ["ops": Position(7)])
  }

  private func open() throws -> Store { try Store(at: path, mode: .writing) }

  private func register(in store: Store, count: Int) throws {
    let ledger = try Ledger(store: store)
    for _ in 0..<count {
      let user = Registration(user: System.randomUser(), name: nil, role: .user)
      let answer = ledger.execute([Submission(.register(user), by: .operator)])[0]
      if case .failed(let failure) = answer { throw failure }
    }
    ledger.storeFolded()
  }
}
