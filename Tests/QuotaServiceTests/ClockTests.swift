import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

/// One event is recorded by a clock that is far ahead; then the clock is right again.
@Suite struct `A clock that was ahead once` {
  static let aheads: [Int64] = [3600, 86_400, 40 * 86_400, 400 * 86_400, 9000 * 86_400]
  let open: OpenLedger
  let user: UserID

  init() throws {
    open = try OpenLedger()
    user = try open.register(limit: 100)
  }

  /// Does something while the clock is ahead.
  @discardableResult
  private func whileAhead<Result>(by seconds: Int64, _ body: () throws -> Result) throws -> Result {
    open.clock.move(bySeconds: seconds)
    defer { open.clock.move(bySeconds: -seconds) }
    return try body()
  }

  private func reading() throws -> UsageReading? {
    try Queries(open.store).usage(of: .id(user), at: open.clock.now)
  }

  private func expectOneState() throws {
    open.ledger.storeFolded()
    #expect(try open.store.verifyProjection() == nil)
    #expect(try open.store.rebuild().difference == nil)
  }

  @Test(arguments: aheads, [false, true])
  func `decides nothing about usage and holds of now`(ahead: Int64, reopens: Bool) throws {
    try open.execute(.usage(of: user, 7))
    try whileAhead(by: ahead) { try open.execute(.usage(of: user, 90)) }
    if reopens { try open.reopen() }
    try open.execute(.usage(of: user, 5))
    let isSameDay = ahead < 7200
    #expect(try open.used(by: user) == (isSameDay ? 102 : 12))
    #expect(try open.hold(80, of: user, seconds: 60).hold == nil || !isSameDay)
    let daily = try #require(try reading())
    #expect(daily.windows.daily.contains(open.clock.now))
    try expectOneState()
  }

  @Test(arguments: aheads, [false, true])
  func `leaves a hold its time to live and no more`(ahead: Int64, reopens: Bool) throws {
    let hold = try #require(
      try whileAhead(by: ahead) { try open.hold(80, of: user, seconds: 2).hold })
    if reopens { try open.reopen() }
    #expect(open.ledger.isTimeDue, "the clock was set back")
    open.ledger.letTimePass()
    #expect(!open.ledger.isTimeDue)
    #expect(try reading()?.account.reserved == TokenCount(80))
    open.clock.move(bySeconds: 2)
    #expect(open.ledger.isTimeDue)
    open.ledger.letTimePass()
    #expect(try reading()?.account.reserved == .zero)
    #expect(try Queries(open.store).hold(hold)?.end?.how == .expired)
    try expectOneState()
  }

  @Test(arguments: aheads) func `leaves a token its time to live and no more`(ahead: Int64) throws {
    let token = NewToken()
    try whileAhead(by: ahead) {
      try open.execute(
        .issueToken(
          .id(user), token,
          expiresAt: Moment(microseconds: open.clock.now.microseconds + 60_000_000)))
    }
    open.ledger.letTimePass()
    let queries = Queries(open.store)
    let end = Moment(microseconds: open.clock.now.microseconds + 60_000_000)
    #expect(
      try queries.identify(token.digest, at: open.clock.now) == .user(user, .user, expiresAt: end))
    open.clock.move(bySeconds: 60)
    #expect(try queries.identify(token.digest, at: open.clock.now) == .expired)
    try expectOneState()
  }

  @Test(arguments: aheads) func `leaves a call its time to live and no more`(ahead: Int64) throws {
    let session = try OpenSession(limit: 10, budget: 100)
    session.open.clock.move(bySeconds: ahead)
    #expect(try session.check("c1", estimate: 4, seconds: 30) != nil)
    session.open.clock.move(bySeconds: -ahead)
    session.open.ledger.letTimePass()
    #expect(try session.session()?.reserved == .of(4))
    session.open.clock.move(bySeconds: 30)
    session.open.ledger.letTimePass()
    #expect(try session.session()?.reserved == .zero)
    #expect(try Queries(session.open.store).budget(BudgetID("b1"))?.reserved == .zero)
    #expect(!session.open.ledger.isTimeDue)
    session.open.ledger.storeFolded()
    #expect(try session.open.store.verifyProjection() == nil)
  }

  @Test func `is answered a repetition as before, whatever the clock shows`() throws {
    let first = try open.hold(10, of: user, seconds: 60, id: "hold").receipt
    try whileAhead(by: 400 * 86_400) { try open.execute(.usage(of: user, 1)) }
    let hold = try #require(try open.hold(10, of: user, seconds: 60).hold)
    try open.execute(.extend(hold, timeToLiveSeconds: 90), id: "extension")
    let late = try open.hold(10, of: user, seconds: 30, id: "late").receipt
    open.clock.move(bySeconds: 5)
    #expect(try open.hold(10, of: user, seconds: 60, id: "hold").receipt == first?.replayed)
    #expect(try open.hold(10, of: user, seconds: 30, id: "late").receipt == late?.replayed)
    #expect(try open.execute(.extend(hold, timeToLiveSeconds: 90), id: "extension").failure == nil)
  }

  @Test(arguments: aheads) func `keeps nobody from planning for tomorrow`(ahead: Int64) throws {
    try whileAhead(by: ahead) { try open.execute(.usage(of: user, 1)) }
    let tomorrow = Moment(microseconds: open.clock.now.microseconds + 86_400_000_000)
    let updates = LimitUpdates { _ in .set(.unlimited) }
    let answer = try open.execute(.schedule(.id(user), updates, effectiveAt: tomorrow))
    #expect(answer.receipt != nil)
    open.clock.move(bySeconds: 86_400)
    open.ledger.letTimePass()
    #expect(try reading()?.limits.daily == .unlimited)
  }

  @Test(arguments: aheads.dropFirst())
  func `tells thresholds of the windows of now, each once`(ahead: Int64) throws {
    try whileAhead(by: ahead) { try open.execute(.usage(of: user, 90)) }
    let before = try crossings().count
    try open.execute(.usage(of: user, 55))
    try open.reopen()
    try open.execute(.usage(of: user, 1))
    let told = try crossings().dropFirst(before)
    #expect(told.filter { $0.period == .daily }.map(\.percent) == [50])
    let day = try #require(try reading()).windows.daily.start
    #expect(told.filter { $0.period == .daily }.map(\.windowStart) == [day])
  }

  private func crossings() throws -> [ThresholdCrossing] {
    var filter = EventFilter()
    filter.kinds = [.thresholdCrossed]
    filter.limit = 1000
    return try Queries(open.store).events(filter).events.compactMap { event in
      if case .thresholdCrossed(let crossing) = event.fact { crossing } else { nil }
    }
  }

  @Test(arguments: aheads) func `is seen in the past, as it was then`(ahead: Int64) throws {
    let queries = Queries(open.store)
    var witnesses: [(point: PastPoint, reading: UsageReading?)] = []
    func witness() throws {
      let point = try queries.resolve(.position(queries.head()), now: open.clock.now).get()
      #expect(point.moment == open.clock.now)
      witnesses.append((point, try reading()))
    }
    try open.execute(.usage(of: user, 7))
    try witness()
    try whileAhead(by: ahead) {
      try open.execute(.usage(of: user, 30))
      try witness()
    }
    let yesterday = Moment(microseconds: open.clock.now.microseconds - 86_400_000_000)
    try open.execute(
      .recordUsage(UsageReport(user: .id(user), usage: .tokens(11), happenedAt: yesterday)))
    try witness()
    for (point, reading) in witnesses {
      let past = try queries.usage(of: .id(user), at: point).get()
      #expect(past?.used == reading?.used, "at \(point.position)")
      #expect(past?.windows == reading?.windows, "at \(point.position)")
    }
  }

  @Test func `is explained by the windows of the refusal`() throws {
    try whileAhead(by: 400 * 86_400) { try open.execute(.usage(of: user, 61)) }
    try open.execute(.usage(of: user, 70))
    let refusal = try #require(try open.hold(50, of: user, seconds: 60).receipt)
    var request = ExplanationRequest(user: .id(user))
    request.refusal = refusal.position
    let explanation = try Queries(open.store).explain(request, now: open.clock.now).get()
    #expect(explanation.used == TokenCount(70))
    #expect(explanation.window.contains(open.clock.now))
    #expect(explanation.spends.map(\.tokens) == [70])
  }

  @Test func `is told for as long as it is ahead of now`() throws {
    #expect(try Queries(open.store).clockLag(at: open.clock.now) == nil)
    try whileAhead(by: 400 * 86_400) { try open.execute(.usage(of: user, 61)) }
    let lag = try #require(try Queries(open.store).clockLag(at: open.clock.now))
    #expect(lag.seconds == 400 * 86_400)
    #expect(lag.description.contains("400 d behind"))
    #expect(!lag.description.contains(user.description))
    open.clock.move(bySeconds: 400 * 86_400)
    #expect(try Queries(open.store).clockLag(at: open.clock.now) == nil)
  }
}

extension Receipt {
  fileprivate var replayed: Receipt {
    Receipt(position: position, recordedAt: recordedAt, isReplayed: true)
  }
}
