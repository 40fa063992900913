import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A hold` {
  let open: OpenLedger
  let user: UserID

  init() throws {
    open = try OpenLedger()
    user = try open.register(limit: 5000)
  }

  @Test func `that expired can be settled once, and says so the second time`() throws {
    let hold = try #require(try open.hold(10, of: user, seconds: 1).hold)
    open.clock.move(bySeconds: 2)
    let first = try #require(try open.execute(.settle(hold, 7)).receipt)
    #expect(!first.isReplayed)
    let end = first.position
    #expect(try open.execute(.settle(hold, 7)).failure == .holdEnded(.settledLate, at: end))
    #expect(try open.execute(.void(hold)).failure == .holdEnded(.settledLate, at: end))
    #expect(try open.used(by: user) == 7)
  }

  @Test func `that expired and was settled answers a repetition with the first receipt`() throws {
    let hold = try #require(try open.hold(10, of: user, seconds: 1).hold)
    open.clock.move(bySeconds: 2)
    let first = try open.execute(.settle(hold, 7), id: "settlement").receipt
    open.clock.move(bySeconds: 60)
    let second = try open.execute(.settle(hold, 7), id: "settlement").receipt
    #expect(first?.position == second?.position)
    #expect(second?.isReplayed == true)
    #expect(try open.used(by: user) == 7)
  }

  @Test(arguments: [false, true])
  func `that ended stays ended after a restart`(isVoided: Bool) throws {
    let hold = try #require(try open.hold(10, of: user, seconds: 60).hold)
    try open.execute(isVoided ? .void(hold) : .settle(hold, 7))
    try open.reopen()
    let end: HoldEnd = isVoided ? .voided : .settled
    #expect(
      try open.execute(.settle(hold, 7)).failure
        == .holdEnded(end, at: Position(hold.position.rawValue + 1)))
    #expect(try open.used(by: user) == (isVoided ? 0 : 7))
  }

  @Test(arguments: [1, 4095, 4096, 4097, 10_000])
  func `is not counted any more when it is due, however many there are`(count: Int) throws {
    try open.execute(
      .setLimits(.id(user), LimitUpdates { _ in .set(TokenLimit(Int64(count)) ?? .unlimited) }))
    let holds = (0..<count).map { _ in
      Submission(.hold(user: user, 1, seconds: 10), by: .operator)
    }
    #expect(try open.execute(holds).allSatisfy { $0.hold != nil })
    #expect(try open.hold(1, of: user, seconds: 10).hold == nil, "everything is set aside")
    open.clock.move(bySeconds: 10)
    #expect(try open.hold(Int64(count), of: user, seconds: 10).hold != nil)
    #expect(open.ledger.nextDeadline != nil)
    #expect(
      try Queries(open.store).usage(of: .id(user), at: open.clock.now)?
        .account.reserved == TokenCount(Int64(count)))
  }

  @Test func `does not come back when the clock does`() throws {
    _ = try open.hold(5000, of: user, seconds: 10)
    open.clock.move(bySeconds: 10)
    #expect(try open.hold(5000, of: user, seconds: 100).hold != nil)
    open.clock.move(bySeconds: -3600)
    #expect(try open.hold(1, of: user, seconds: 10).hold == nil)
    try open.reopen()
    #expect(try open.hold(1, of: user, seconds: 10).hold == nil)
  }
}
