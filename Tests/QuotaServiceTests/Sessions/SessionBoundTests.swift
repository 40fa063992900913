import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A session that is asked for too much` {
  let open: OpenSession

  init() throws { open = try OpenSession(limit: 1_000_000) }

  @Test func `lets no more calls run side by side than it can keep in mind`() throws {
    let calls = try (0..<1025).map { number in
      Command.session(.admit(open.address, try .outside("c\(number)", estimate: 1)))
    }
    let answers = try open.open.execute(calls.map { Submission($0, by: .operator) })
    #expect(answers.dropLast().allSatisfy { if case .admitted = $0.result { true } else { false } })
    #expect(answers.last?.result == .mustWait)
    try open.report("u", nano: 1, call: "c0")
    #expect(try open.check("late") == .admitted(call: try StepID("late"), turn: nil))
  }

  @Test func `frees what was kept for calls whose time is over, however many there are`() throws {
    let ids = try (1...5).map { try SessionID("s\($0)") }
    for id in ids.dropFirst() { try open.start(id, limit: 1_000_000) }
    let calls = try ids.flatMap { id in
      try (0..<1000).map { number in
        let request = try CallRequest.outside("c\(number)", estimate: 1, seconds: 1)
        let address = SessionAddress(id, as: .everybody)
        return Submission(.session(.admit(address, request)), by: .operator)
      }
    }
    _ = try open.open.execute(calls)
    open.open.clock.move(bySeconds: 1)
    #expect(try open.check("late", estimate: 7) != .mustWait)
    #expect(try open.session()?.calls.map(\.call) == [try StepID("late")])
    for id in ids.dropFirst() {
      let session = try Queries(open.open.store).session(SessionAddress(id, as: .everybody))
      #expect(session?.calls == [])
    }
  }

  @Test func `counts what every model used, and by itself that of the first 256`() throws {
    let usages = try (0..<300).map { number in
      var usage = CallUsage(id: try StepID("u\(number)"))
      usage.cost = number < 10 ? nil : .of(1)
      usage.model = try ModelName("m\(number)")
      return Submission(.session(.recordUsage(open.address, usage)), by: .operator)
    }
    _ = try open.open.execute(usages)
    let session = try #require(try open.session())
    #expect(session.models.count == 256)
    #expect(session.counts.calls == 300)
    #expect(session.total == .of(290))
    try open.report("again", nano: 5, model: "m299")
    #expect(try open.session()?.models.count == 256)
    try open.report("known", nano: 5, model: "m0")
    #expect(try open.session()?.models.first?.cost == .of(5))
  }

  @Test func `warns of each model without price once, and of no more than 256`() throws {
    for round in 0..<2 {
      let usages = try (0..<300).map { number in
        var usage = CallUsage(id: try StepID("u\(round)-\(number)"))
        usage.model = try ModelName("m\(number)")
        return Submission(.session(.recordUsage(open.address, usage)), by: .operator)
      }
      _ = try open.open.execute(usages)
    }
    #expect(try open.session()?.warnedModels.count == 256)
    let ref = try #require(try open.session()?.ref)
    let news = try Queries(open.open.store).news(of: ref, after: ref.position, limit: 10_000)
    let warnings = news.filter { $0.event.fact.kind == .sessionWarned }
    #expect(warnings.count == 256)
  }
}
