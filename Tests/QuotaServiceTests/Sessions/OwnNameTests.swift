import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

/// A user's hold in a session under a shared budget, and a client that makes up names.
@Suite struct `A name that a client makes up` {
  let session: OpenSession
  let user: UserID
  let id: SessionID
  let budget: BudgetID
  let hold: HoldID

  init() throws {
    session = try OpenSession(limit: 1000, budget: 100)
    user = try session.open.register()
    id = try SessionID("mine")
    budget = try BudgetID("b1")
    try session.start(id, user: user, budget: budget)
    let request = HoldRequest(
      user: .id(user), estimate: TokenCount(5) ?? .zero, timeToLiveSeconds: 60,
      session: SessionAddress(id, as: .everybody), credits: .of(7))
    hold = try #require(try session.open.execute(.hold(request)).hold)
  }

  private var address: SessionAddress { SessionAddress(id, as: .user(user)) }

  private func reserved() throws -> NanoCredits? {
    try Queries(session.open.store).budget(budget)?.reserved
  }

  private func admit(_ call: String) throws -> SessionResult? {
    try session.execute(.admit(address, .outside(call, estimate: 3, seconds: 600))).result
  }

  private func report(_ id: String, call: String?) throws -> SessionResult? {
    var usage = CallUsage(id: try StepID(id), call: try call.map { try StepID($0) })
    usage.cost = .of(2)
    return try session.execute(.recordUsage(address, usage)).result
  }

  @Test(arguments: [false, true])
  func `like the former one of a hold's call is a call of its own`(settles: Bool) throws {
    let name = "hold-\(hold)"
    #expect(try reserved() == .of(7))
    #expect(try admit(name) == .admitted(call: try StepID(name), turn: nil))
    #expect(try reserved() == .of(10))
    #expect(try report("u1", call: name) == .recorded(.stated(.of(2)), isDuplicate: false))
    #expect(try reserved() == .of(7), "the hold still has its own")
    if settles { try session.open.execute(.settle(hold, 4)) }
    session.open.clock.move(bySeconds: 60)
    if session.open.ledger.isTimeDue { session.open.ledger.letTimePass() }
    #expect(try reserved() == .zero)
    session.open.clock.move(bySeconds: 600)
    if session.open.ledger.isTimeDue { session.open.ledger.letTimePass() }
    #expect(!session.open.ledger.isTimeDue, "nothing stays due")
    #expect(session.open.ledger.nextDeadline == nil)
    #expect(try session.open.store.verifyProjection() == nil)
  }

  @Test func `lets no hold go that it was not admitted for`() throws {
    #expect(
      try report("u1", call: "hold-\(hold)") == .recorded(.stated(.of(2)), isDuplicate: false))
    #expect(try reserved() == .of(7))
  }

  @Test func `takes no settlement's place`() throws {
    for number in 0..<10 {
      _ = try report("hold-\(hold)-\(hold.position.rawValue + UInt64(number))", call: nil)
    }
    try session.open.execute(.settle(hold, 4))
    let usages = try Queries(session.open.store).session(address)?.counts.calls
    #expect(usages == 11)
    #expect(
      try report("hold-\(hold)-\(hold)", call: nil) == .recorded(.stated(.of(2)), isDuplicate: true)
    )
  }

  @Test func `may not begin as those of the service do`() {
    for text in ["quotalog.", "quotalog.hold.1", "quotalog.step.x"] {
      #expect(throws: TextRule.self) { try StepID(text) }
    }
    #expect((try? StepID("quotalog")) != nil)
    #expect((try? StepID("hold-1")) != nil)
  }

  @Test func `is no name of the service's own`() throws {
    let entry = System.randomEntry()
    #expect(StepID(own: entry).isOwn)
    #expect(hold.call.isOwn && hold.usage(settledAt: Position(9)).isOwn)
    #expect(throws: TextRule.self) { try StepID(hold.call.description) }
  }

  /// What the first programs wrote about a hold that its session let go.
  @Test func `of a hold's call in the first records still means that call`() throws {
    var folded = try #require(try Queries(session.open.store).session(address))
    let former = try StepID("hold-\(hold)")
    folded.apply(.callEnded(former, .aborted), at: Position(99), recordedAt: folded.updatedAt)
    #expect(folded.calls.isEmpty)
  }
}

@Suite struct `A change of a cap that changed nothing` {
  @Test func `is remembered by its id, and told to nobody`() throws {
    let session = try OpenSession(limit: 5)
    let before = try #require(try session.session())
    func set(_ limit: Int64, _ change: String) throws -> Answer {
      try session.execute(.setLimit(session.address, .set(.of(limit)), change: try StepID(change)))
    }
    #expect(try set(5, "first").result == .unchanged)
    #expect(try session.session()?.counts.durableEvents == before.counts.durableEvents)
    #expect(try set(9, "second").result == .done)
    #expect(try set(5, "first").result == .unchanged, "a repetition changes nothing")
    #expect(try session.session()?.limit == .of(9))
    #expect(try set(7, "first").failure != nil, "the id was used for something else")
  }
}
