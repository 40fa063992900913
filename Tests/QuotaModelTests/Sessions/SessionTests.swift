import QuotaModel
import Testing

@Suite struct `The state of a session's budget` {
  @Test(
    arguments: [
      (nil, 0, .unlimited), (nil, 1000, .unlimited), (10, 0, .within), (10, 9, .within),
      (10, 10, .exhausted), (10, 11, .exhausted), (1, 0, .within),
    ] as [(Int64?, Int64, BudgetState)])
  func `follows from cap and use`(limit: Int64?, used: Int64, state: BudgetState) {
    var sketch = SessionSketch(limit: limit)
    sketch.spend(used)
    #expect(sketch.session.state == state)
    #expect(sketch.session.remaining?.rawValue == limit.map { max(0, $0 - used) })
  }

  @Test func `is deciding while a question is open`() {
    var sketch = SessionSketch(limit: 10)
    sketch.spend(10)
    sketch.happen(.exhaustionRequested(Self.request))
    #expect(sketch.session.state == .deciding)
    sketch.happen(.exhaustionAnswered(Self.request.id, .cancel))
    #expect(sketch.session.state == .exhausted)
  }

  @Test(
    arguments: [
      (SessionFact.closed(.routine), .closed), (.closed(.error), .closed), (.deleted, .deleted),
      (.limitChanged(SessionLimitChange(old: .of(10), new: .of(16))), .within),
      (.limitChanged(SessionLimitChange(old: .of(10), new: .of(15))), .exhausted),
      (.limitChanged(SessionLimitChange(old: .of(10), new: nil)), .unlimited),
      (.windowStarted(2), .within), (.aborted, .exhausted), (.turnEnded(1), .exhausted),
    ] as [(SessionFact, BudgetState)])
  func `changes by what happens`(fact: SessionFact, state: BudgetState) {
    var sketch = SessionSketch(limit: 10)
    sketch.spend(15)
    sketch.happen(fact)
    #expect(sketch.session.state == state)
  }

  @Test func `is carried over by a resume`() {
    var sketch = SessionSketch(limit: 10)
    sketch.spend(4)
    sketch.happen(.closed(.routine))
    sketch.happen(.resumed(SessionResume(limit: .of(10), wasActive: false)))
    #expect(sketch.session.state == .within)
    #expect(sketch.session.used == .of(4))
  }

  private static let request = ExhaustionRequest(
    id: EntryID(random: 1, 2), used: .of(10), limit: .of(10))
}

@Suite struct `A window` {
  @Test func `counts from zero and leaves the total as it is`() {
    var sketch = SessionSketch(limit: 10)
    sketch.spend(7)
    sketch.happen(.windowStarted(2))
    #expect(sketch.session.used == .zero)
    #expect(sketch.session.window.dearestCall == .zero)
    sketch.spend(2)
    #expect(sketch.session.used == .of(2))
    #expect(sketch.session.total == .of(9))
    #expect(sketch.session.limit == .of(10))
    #expect(sketch.session.window.number == 2)
  }

  @Test func `knows its dearest call`() {
    var sketch = SessionSketch()
    for cost in [3, 9, 5] as [Int64] { sketch.spend(cost) }
    #expect(sketch.session.window.dearestCall == .of(9))
  }
}

@Suite struct `A call under way` {
  @Test(
    arguments: [
      SessionFact.callEnded(SessionSketch.step("a"), .failed),
      .usageRecorded(
        SessionUsage(
          id: SessionSketch.step("u"), user: nil, call: SessionSketch.step("a"), cost: .unavailable)
      ),
    ])
  func `gives back what was kept free for it`(fact: SessionFact) {
    var sketch = SessionSketch()
    sketch.admit("a", reserving: 5)
    sketch.admit("b", reserving: 7)
    #expect(sketch.session.reserved == .of(12))
    sketch.happen(fact)
    #expect(sketch.session.reserved == .of(7))
    #expect(sketch.session.calls.map(\.call) == [SessionSketch.step("b")])
  }
}

@Suite struct `The status of a session's credits` {
  @Test(
    arguments: [
      ([], .complete), ([5], .complete), ([0], .complete), ([nil], .unavailable),
      ([nil, nil], .unavailable), ([nil, 5], .partial), ([5, nil], .partial),
    ] as [([Int64?], CreditsStatus)])
  func `tells unknown cost from none`(costs: [Int64?], status: CreditsStatus) {
    var sketch = SessionSketch()
    for cost in costs {
      let usage = SessionUsage(
        id: SessionSketch.step("u"), user: nil, sequence: sketch.session.counts.calls + 1,
        cost: cost.map { .stated(.of($0)) } ?? .unavailable)
      sketch.happen(.usageRecorded(usage))
    }
    #expect(sketch.session.creditsStatus == status)
  }
}

@Suite struct `A cap after an answer` {
  @Test(
    arguments: [
      (10, .add(.of(5)), 15), (10, .set(.of(3)), 3), (10, .unset, nil), (10, .cancel, 10),
      (.max, .add(.zero), .max), (nil, .cancel, nil), (nil, .add(.of(5)), 5),
    ] as [(Int64?, ExhaustionAnswer, Int64?)])
  func `is what the answer makes of it`(limit: Int64?, answer: ExhaustionAnswer, new: Int64?) {
    let after = SessionSketch(limit: limit).session.limit(after: answer)
    #expect(after == .some(new.map(NanoCredits.of)))
  }

  @Test func `is none where the sum does not fit`() {
    #expect(SessionSketch(limit: .max).session.limit(after: .add(.of(1))) == nil)
  }
}
