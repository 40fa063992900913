import Projections
import QuotaModel
import TestSupport
import Testing

/// What is set aside in several places at once: in an account, a session and shared budgets.
@Suite struct `Holds and calls that share budgets` {
  @Test(arguments: 0..<4 as Range<UInt64>)
  func `set aside everywhere what is open, and nothing else`(number: UInt64) throws {
    var history = try History(seed: SeededNumbers().seed + number)
    let projection = try TestProjection()
    for _ in 0..<60 {
      let facts = (0..<10).map { _ in history.next() }
      try projection.fold(facts, mayWait: false)
      try history.check(projection.generation)
    }
    let rebuilt = try TestProjection.rebuilt(from: history.events, .default)
    try history.check(rebuilt.generation)
    #expect(try projection.difference(from: rebuilt) == nil, "seed \(history.numbers.seed)")
  }
}

/// Random holds and calls, and the sums of those that are open.
private struct History {
  private typealias Place = (session: SessionRef, user: UserID, budget: BudgetID?)

  private(set) var numbers: SeededNumbers
  private(set) var events: [Event] = []
  private var first: [Fact]
  private let users = (0..<3).map { UserID(high: 7, low: $0) }
  private let budgets: [BudgetID]
  private var sessions: [Place] = []
  private var open: [HoldID: Hold] = [:]
  private var calls: [(place: Place, call: StepID, reservation: NanoCredits)] = []
  private let moment = Moment.at("2026-05-01T00:00:00Z")

  init(seed: UInt64) throws {
    numbers = SeededNumbers(seed: seed)
    budgets = try ["b0", "b1"].map { try BudgetID($0) }
    first = users.map { .userRegistered($0, role: .user) }
    first += budgets.map { .budgetChanged(BudgetChange(budget: $0, old: nil, new: .maximum)) }
    for (number, user) in users.enumerated() {
      let (position, budget) = (Position(UInt64(first.count + 1)), number == 0 ? nil : budgets[0])
      let id = try SessionID("s\(number)")
      let seed = EntryID(random: 1, UInt64(number))
      first.append(.sessionStarted(SessionStart(id: id, user: user, seed: seed, budget: budget)))
      sessions.append((SessionRef(position), user, budget))
    }
  }

  mutating func next() -> Event {
    let position = Position(UInt64(events.count + 1))
    let event = Event(
      position: position, recordedAt: moment, happenedAt: moment, actor: .operator,
      fact: first.isEmpty ? fact(at: position) : first.removeFirst())
    events.append(event)
    return event
  }

  private mutating func fact(at position: Position) -> Fact {
    let hold = open.keys.sorted().randomElement(using: &numbers)
    switch (numbers.next() % 8, hold) {
    case (0, let id?): return end(id) { .holdSettled(id, $0) }
    case (1, let id?): return end(id) { .holdVoided(id, user: $0.spend.user) }
    case (2, let id?): return end(id) { .holdExpired(id, user: $0.spend.user) }
    case (3, let id?):
      let settlement = settlement(of: id)
      open[id]?.draw(settlement)
      return .holdDrawn(id, settlement)
    case (4, _):
      let (place, index) = (element(of: sessions), calls.indices.randomElement(using: &numbers))
      guard let index, numbers.next() % 2 == 0 else { return admit(to: place, at: position) }
      let ended = calls.remove(at: index)
      return .session(ended.place.session, .callEnded(ended.call, .failed))
    default:
      let made = newHold(in: numbers.next() % 2 == 0 ? element(of: sessions) : nil)
      open[HoldID(position)] = made
      return .spendHeld(made)
    }
  }

  private mutating func newHold(in place: Place?) -> Hold {
    let others = budgets.filter { $0 != place?.budget && numbers.next() % 2 == 0 }
    return Hold(
      user: place?.user ?? element(of: users), tokens: .of(number(below: 100)),
      expiresAt: .at("2026-05-02T00:00:00Z"), session: place?.session, credits: credits(),
      budgets: others)
  }

  private mutating func admit(to place: Place, at position: Position) -> Fact {
    let call = StepID(own: EntryID(random: 2, position.rawValue))
    let reservation = credits()
    calls.append((place, call, reservation))
    let expiresAt = Moment.at("2026-05-02T00:00:00Z")
    return .session(
      place.session,
      .callAdmitted(CallAdmission(call: call, reservation: reservation, expiresAt: expiresAt)))
  }

  private mutating func end(_ id: HoldID, _ fact: (Settlement) -> Fact) -> Fact {
    defer { open[id] = nil }
    return fact(settlement(of: id))
  }

  private mutating func settlement(of id: HoldID) -> Settlement {
    let spend = Spend(
      user: open[id]?.user ?? users[0], usage: TokenUsage(total: .of(number(below: 50))))
    return Settlement(spend: spend, credits: credits())
  }

  private mutating func credits() -> NanoCredits {
    NanoCredits(number(below: 40)) ?? .zero
  }

  private mutating func number(below end: UInt64) -> Int64 { Int64(numbers.next() % end) }

  private mutating func element<Element>(of all: [Element]) -> Element {
    all[Int(numbers.next() % UInt64(all.count))]
  }

  func check(_ generation: Generation) throws {
    guard first.isEmpty else { return }
    let comment: Comment = "seed \(numbers.seed), position \(events.count)"
    try generation.read { (snapshot) throws(ProjectionFailure) in
      for user in users {
        let held = open.values.filter { $0.user == user }.map(\.tokens.rawValue).reduce(0, +)
        #expect(try snapshot.account(user)?.account.reserved == .of(held), comment)
      }
      for place in sessions {
        let session = try snapshot.session(place.session)
        #expect(session?.reserved.rawValue == reserved(in: place), comment)
      }
      for budget in budgets {
        let named = open.values.filter { $0.budgets.contains(budget) }
        let expected =
          named.map(\.credits.rawValue).reduce(0, +)
          + sessions.filter { $0.budget == budget }.map(reserved).reduce(0, +)
        #expect(try snapshot.budget(budget)?.reserved.rawValue == expected, comment)
      }
    }
  }

  private func reserved(in place: Place) -> Int64 {
    open.values.filter { $0.session == place.session }.map(\.credits.rawValue).reduce(0, +)
      + calls.filter { $0.place.session == place.session }.map(\.reservation.rawValue)
      .reduce(0, +)
  }
}
