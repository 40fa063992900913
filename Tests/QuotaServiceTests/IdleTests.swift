import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

/// What a ledger does when nobody asks it anything: sleep until something is really due.
@Suite struct `A ledger that nobody asks` {
  let open: OpenLedger
  let user: UserID

  init() throws {
    open = try OpenLedger()
    user = try open.register()
  }

  @Test(arguments: [false, true])
  func `is not kept awake by a hold that was settled before its deadline`(stores: Bool) throws {
    let hold = try #require(try open.hold(5, of: user, seconds: 10).hold)
    if stores { open.ledger.storeFolded() }
    open.clock.move(bySeconds: 9)
    try open.execute(.settle(hold, 4))
    open.clock.move(bySeconds: 1)
    if open.ledger.isTimeDue { open.ledger.letTimePass() }
    #expect(!open.ledger.isTimeDue)
    #expect(open.ledger.nextDeadline == nil)
    #expect(!open.ledger.hasUnstored)
  }

  @Test func `waits for the next hold where an earlier one was settled`() throws {
    let hold = try #require(try open.hold(5, of: user, seconds: 10).hold)
    _ = try open.hold(5, of: user, seconds: 11)
    open.clock.move(bySeconds: 9)
    try open.execute(.settle(hold, 4))
    open.clock.move(bySeconds: 1)
    open.ledger.letTimePass()
    let deadline = Moment(microseconds: open.clock.now.microseconds + 1_000_000)
    #expect(open.ledger.nextDeadline == deadline)
  }
}
