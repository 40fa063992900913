import QuotaModel
import Testing

@Suite struct `The gate before a call` {
  /// What is known when a call wants to start; amounts in nano-credits.
  struct Situation: Sendable {
    var limit: Int64?
    var used: Int64 = 0
    var reserved: Int64 = 0
    /// Cap, use and reservations of the shared budget.
    var budget: (Int64, Int64, Int64)?

    init(
      _ limit: Int64?, used: Int64 = 0, reserved: Int64 = 0, budget: (Int64, Int64, Int64)? = nil
    ) {
      self.limit = limit
      self.used = used
      self.reserved = reserved
      self.budget = budget
    }
  }

  private static let team = SessionSketch.must { try BudgetID("team") }

  private static func verdict(
    on situation: Situation, estimate: Int64? = 1
  ) -> CallVerdict {
    var sketch = SessionSketch(limit: situation.limit)
    if situation.used > 0 { sketch.spend(situation.used) }
    if situation.reserved > 0 { sketch.admit("other", reserving: situation.reserved) }
    let budget = situation.budget.map { (limit, used, reserved) in
      var budget = SharedBudget(id: team, limit: .of(limit))
      budget.used = .of(used)
      budget.reserved = .of(reserved)
      return budget
    }
    return sketch.session.verdict(
      estimate: estimate.map(NanoCredits.of), fallback: .of(100), budget: budget)
  }

  @Test(arguments: [
    Situation(nil), Situation(nil, used: .max, reserved: .max), Situation(10, used: 9),
    Situation(10, reserved: 9), Situation(10, used: 4, reserved: 5), Situation(1),
    Situation(nil, budget: (10, 4, 5)), Situation(10, used: 4, reserved: 5, budget: (10, 4, 5)),
  ])
  func `lets in while use and reservations are less than each cap`(situation: Situation) {
    #expect(Self.verdict(on: situation) == .admitted(reservation: .of(1)))
  }

  @Test(arguments: [
    Situation(10, reserved: 10), Situation(10, used: 4, reserved: 6),
    Situation(10, used: 9, reserved: .max), Situation(nil, budget: (10, 4, 6)),
    Situation(nil, budget: (10, 9, .max)), Situation(10, used: 9, budget: (10, 0, 10)),
    Situation(10, reserved: 10, budget: (10, 4, 5)),
  ])
  func `makes wait where reservations fill the rest`(situation: Situation) {
    #expect(Self.verdict(on: situation) == .mustWait)
  }

  @Test(
    arguments: [
      (Situation(10, used: 10), 10, 10, false),
      (Situation(10, used: 12, reserved: 5), 12, 10, false),
      (Situation(nil, budget: (10, 10, 0)), 10, 10, true),
      (Situation(10, used: 2, budget: (5, 7, 9)), 7, 5, true),
      (Situation(10, reserved: 10, budget: (5, 5, 0)), 5, 5, true),
      (Situation(10, used: 11, budget: (5, 5, 0)), 11, 10, false),
    ] as [(Situation, Int64, Int64, Bool)])
  func `asks where a cap is reached, the session's own first`(
    situation: Situation, used: Int64, limit: Int64, isShared: Bool
  ) {
    #expect(
      Self.verdict(on: situation)
        == .exhausted(used: .of(used), limit: .of(limit), budget: isShared ? Self.team : nil))
  }

  @Test(
    arguments: [
      (0, 5, 5), (0, 0, 1), (7, 5, 5), (0, nil, 100), (7, nil, 7), (500, nil, 500),
      (7, 1_000_000, 1_000_000),
    ] as [(Int64, Int64?, Int64)])
  func `keeps the estimate free, else the window's dearest call, and never nothing`(
    used: Int64, estimate: Int64?, reservation: Int64
  ) {
    #expect(
      Self.verdict(on: Situation(1000, used: used), estimate: estimate)
        == .admitted(reservation: .of(reservation)))
  }

  @Test func `keeps one nano-credit free where the fallback is nothing`() {
    let session = SessionSketch(limit: 10).session
    #expect(
      session.verdict(estimate: nil, fallback: .zero, budget: nil)
        == .admitted(reservation: .of(1)))
  }
}
