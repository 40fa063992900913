import Projections
import QuotaModel
import TestSupport
import Testing

/// What a shared budget learns of a model's cost from a hold's end, and from its parts.
@Suite struct `The dearest call under a shared budget` {
  @Test func `is a part, or a whole call, that cost all that was held`() throws {
    #expect(try dearest { .holdDrawn($0, $1) } == NanoCredits(10))
    #expect(try dearest { .holdSettled($0, $1) } == NanoCredits(10))
  }

  @Test func `is not one of which nobody told what it cost`() throws {
    #expect(try dearest(isCostUnknown: true) { .holdSettled($0, $1) } == nil)
  }

  /// After a hold of ten credits that used ten.
  private func dearest(
    isCostUnknown: Bool = false, _ end: (HoldID, Settlement) -> Fact
  ) throws -> NanoCredits? {
    let (user, budget) = (UserID(high: 3, low: 4), try BudgetID("team"))
    let (model, credits) = (try ModelName("m"), try #require(NanoCredits(10)))
    let moment = Moment.at("2026-05-01T00:00:00Z")
    let hold = Hold(
      user: user, tokens: .of(5), expiresAt: .at("2026-05-02T00:00:00Z"), credits: credits,
      budgets: [budget])
    let spend = Spend(user: user, usage: TokenUsage(total: .of(5)), model: model)
    let facts: [Fact] = [
      .userRegistered(user, role: .user),
      .budgetChanged(
        BudgetChange(budget: budget, old: nil, new: try #require(NanoCredits(1000)))),
      .spendHeld(hold),
      end(
        HoldID(Position(3)),
        Settlement(spend: spend, credits: credits, isCostUnknown: isCostUnknown)),
    ]
    let projection = try TestProjection()
    try projection.fold(
      facts.enumerated().map { index, fact in
        Event(
          position: Position(UInt64(index + 1)), recordedAt: moment, happenedAt: moment,
          actor: .operator, fact: fact)
      }, mayWait: false)
    let found = try projection.generation.read { (snapshot) throws(ProjectionFailure) in
      try snapshot.budget(budget)
    }
    let folded = try #require(found)
    #expect(folded.used == credits)
    return folded.dearestCall(of: model)
  }
}
