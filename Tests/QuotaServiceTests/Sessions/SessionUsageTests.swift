import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `Usage of a session that is reported again` {
  let open: OpenSession
  private let price: ModelPrice

  init() throws {
    open = try OpenSession(limit: 1000)
    price = try #require(
      ModelPrice(
        input: .of(2), output: .of(3), cacheRead: .of(1), cacheWrite: .of(1), batchSize: 1))
  }

  @discardableResult
  private func report(_ change: (inout CallUsage) throws -> Void = { _ in }) throws -> Answer {
    var usage = CallUsage(id: try StepID("u1"), call: try StepID("c1"))
    usage.model = try ModelName("m1")
    usage.agent = try StepID("a1")
    usage.tokens = try Self.tokens()
    usage.price = price
    try change(&usage)
    return try open.execute(.recordUsage(open.address, usage))
  }

  private static func tokens(
    input: Int64? = 10, output: Int64? = 5, cacheRead: Int64? = 2, cacheWrite: Int64? = 1
  ) throws -> TokenUsage {
    try TokenUsage(
      input: input.flatMap(TokenCount.init), output: output.flatMap(TokenCount.init),
      cacheRead: cacheRead.flatMap(TokenCount.init), cacheWrite: cacheWrite.flatMap(TokenCount.init)
    )
  }

  @Test func `counts nothing and gets the first cost`() throws {
    let first = try #require(try report().session)
    let second = try report { $0.price = nil }
    #expect(second.result == .recorded(.priced(.of(7 * 2 + 3 + 15), price), isDuplicate: true))
    #expect(second.session == first)
    #expect(try open.session() == first)
  }

  @Test func `is a conflict that names the first member that differs`() throws {
    try report()
    let changes: [(String, (inout CallUsage) throws -> Void)] = [
      ("model", { $0.model = try ModelName("m2") }), ("model", { $0.model = nil }),
      ("nano_aiu", { $0.cost = .of(32) }), ("nano_aiu", { $0.cost = .zero }),
      ("input_tokens", { $0.tokens = try Self.tokens(input: 11) }),
      ("input_tokens", { $0.tokens = try Self.tokens(input: nil) }),
      ("input_tokens", { $0.tokens = nil }),
      ("output_tokens", { $0.tokens = try Self.tokens(output: 6) }),
      ("cache_read_tokens", { $0.tokens = try Self.tokens(cacheRead: 3) }),
      ("cache_write_tokens", { $0.tokens = try Self.tokens(cacheWrite: nil) }),
      ("agent_id", { $0.agent = nil }), ("agent_id", { $0.agent = try StepID("a2") }),
      ("reservation_id", { $0.call = nil }), ("reservation_id", { $0.call = try StepID("c2") }),
    ]
    let before = try open.session()
    for (member, change) in changes {
      guard case .requestConflict(let found, position: _) = try report(change).failure else {
        Issue.record("another \(member) is no conflict")
        continue
      }
      #expect(found == member)
    }
    #expect(try open.session() == before)
  }

  @Test func `in another session is its own`() throws {
    try report()
    let other = try SessionID("s2")
    try open.start(other)
    var usage = CallUsage(id: try StepID("u1"))
    usage.cost = .of(9)
    let answer = try open.execute(.recordUsage(SessionAddress(other, as: .everybody), usage))
    #expect(answer.result == .recorded(.stated(.of(9)), isDuplicate: false))
  }

  @Test func `in a session begun anew under the same id is new`() throws {
    try report()
    try open.execute(.delete(open.address))
    try open.start(open.id)
    #expect(try report().result == .recorded(.priced(.of(32), price), isDuplicate: false))
  }
}

@Suite struct `Usage of a session that does not fit` {
  @Test func `is refused as a whole`() throws {
    let open = try OpenSession()
    try open.report("u1", nano: .max - 1)
    let before = try open.session()
    let usage = CallUsage(id: try StepID("u2"))
    var dear = usage
    dear.cost = .of(2)
    #expect(try open.execute(.recordUsage(open.address, dear)).failure == .creditsOverflow)
    #expect(try open.session() == before)
    #expect(try open.report("u2", nano: 1) == .recorded(.stated(.of(1)), isDuplicate: false))
  }
}
