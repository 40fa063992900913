import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `The list of a user's sessions` {
  let open: OpenSession
  let user: UserID

  init() throws {
    open = try OpenSession()
    user = try open.open.register()
  }

  private func list(limit: Int, after ref: SessionRef? = nil) throws -> [String] {
    try Queries(open.open.store).sessions(as: .user(user), after: ref, limit: limit)
      .map(\.id.description)
  }

  @Test func `goes on behind sessions that were deleted`() throws {
    for number in 0..<10 { try open.start(try SessionID("a\(number)"), user: user) }
    for number in 0..<8 {
      try open.execute(.delete(SessionAddress(try SessionID("a\(number)"), as: .everybody)))
    }
    #expect(try list(limit: 2) == ["a8", "a9"])
    #expect(try list(limit: 1) == ["a8"])
  }

  @Test func `holds nobody else's, and comes in pages`() throws {
    let other = try open.open.register()
    for number in 0..<5 {
      try open.start(try SessionID("a\(number)"), user: user)
      try open.start(try SessionID("b\(number)"), user: other)
      try open.start(try SessionID("c\(number)"))
    }
    var found: [Session] = []
    repeat {
      let page = try Queries(open.open.store).sessions(
        as: .user(user), after: found.last?.ref, limit: 2)
      if page.isEmpty { break }
      found += page
    } while true
    #expect(found.map(\.id.description) == ["a0", "a1", "a2", "a3", "a4"])
  }

  @Test func `of the user with the smallest id is not that of nobody`() throws {
    let smallest = UserID(high: 0, low: 0)
    try open.open.execute(.register(Registration(user: smallest, name: nil, role: .user)))
    try open.start(try SessionID("mine"), user: smallest)
    let found = try Queries(open.open.store).sessions(as: .user(smallest), limit: 10)
    #expect(found.map(\.id.description) == ["mine"])
  }
}
