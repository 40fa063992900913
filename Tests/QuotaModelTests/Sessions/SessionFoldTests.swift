import QuotaModel
import TestSupport
import Testing

@Suite struct `A session's fold` {
  /// What an import brings may contradict itself; it happened all the same.
  @Test func `takes whatever happens in whatever order`() {
    var facts = RandomSessionFacts(numbers: SeededNumbers())
    let seed = facts.numbers.seed
    for _ in 0..<20 {
      var sketch = SessionSketch(limit: 1_000_000_000)
      var total = NanoCredits.zero
      for _ in 0..<1500 {
        let kind = RandomSessionFacts.kinds.randomElement(using: &facts.numbers)
        guard let kind, case .session(_, let fact) = facts.fact(of: kind) else { continue }
        let before = sketch.session
        sketch.happen(fact)
        let session = sketch.session
        #expect(session.total >= total, "seed \(seed)")
        #expect(session.used <= session.total, "seed \(seed)")
        #expect(session.models.count <= Session.maximumModelCount, "seed \(seed)")
        #expect(session.warnedModels.count <= Session.maximumModelCount, "seed \(seed)")
        #expect((session.lastEvent == before.lastEvent) == (fact.durableEventCount == 0))
        _ = session.verdict(estimate: nil, fallback: .zero, budget: nil)
        total = session.total
      }
    }
  }
}
