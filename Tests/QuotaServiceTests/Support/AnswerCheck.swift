import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

/// Asks everything that there is to ask about an account, and compares each answer with what the events up
/// to the position come to that the answer states.
struct AnswerCheck {
  let queries: Queries
  let now: Moment
  /// Where it is asked, for a failure.
  let place: String
  /// The log, which may have grown since the answer.
  let log: () throws -> PlainHistory
  var numbers: SeededNumbers

  mutating func all(of user: UserID) throws {
    try usage(of: user)
    try explanations(of: user)
    try events(of: user)
    for _ in 0..<3 { try past(of: user) }
    try refusals(of: user)
    try list()
  }

  private func usage(of user: UserID) throws {
    let then = Moment(microseconds: now.microseconds - 30 * 86_400_000_000)
    for moment in [now, then] {
      let found = try queries.usage(of: .id(user), at: moment)
      try compare(try #require(found), with: log(), "usage")
    }
  }

  private func compare(
    _ reading: UsageReading, with plain: PlainHistory, _ what: String
  ) throws {
    let (user, position) = (reading.account.user, reading.position)
    let comment: Comment = "\(what) at \(position), \(place)"
    for period in reading.policy.shownPeriods {
      let used = plain.used(by: user, in: reading.windows[period], at: position)
      #expect(reading.used[period].rawValue == used, comment)
    }
    let held = plain.holds(of: user, at: position).values.reduce(0, +)
    #expect(reading.account.reserved.rawValue == held, comment)
    let limit = plain.ownDailyLimit(of: user, at: position)
    #expect(reading.account.ownLimits.daily == limit, comment)
  }

  private mutating func explanations(of user: UserID) throws {
    var request = ExplanationRequest(user: .id(user))
    request.limit = Int(numbers.number(1...40))
    request.period = numbers.element(of: Period.allCases)
    try compare(try #require(try? queries.explain(request, now: now).get()), request.limit)
  }

  private func compare(_ first: Explanation, _ limit: Int) throws {
    let comment: Comment = "explanation at \(first.position), \(place)"
    var (spends, page) = (first.spends, first)
    while page.hasMore {
      page = try queries.next(page, limit: limit)
      #expect(page.position == first.position && page.used == first.used, comment)
      spends += page.spends
    }
    let plain = try log()
    let used = plain.used(by: first.user, in: first.window, at: first.position)
    #expect(first.used?.rawValue == used, comment)
    #expect(spends.reduce(0) { $0 + $1.tokens } == used, comment)
    let holds = Dictionary(uniqueKeysWithValues: first.holds.map { ($0.id, $0.tokens.rawValue) })
    #expect(holds == plain.holds(of: first.user, at: first.position), comment)
    #expect(first.reserved.rawValue == holds.values.reduce(0, +), comment)
    #expect(!first.hasMoreHolds, comment)
  }

  private mutating func events(of user: UserID) throws {
    var (filter, found, head) = (EventFilter(), [Event](), Position.zero)
    filter.user = user
    filter.limit = Int(numbers.number(5...50))
    // Somebody may append as fast as we read.
    for _ in 0..<200 {
      let page = try queries.events(filter)
      found += page.events
      filter.after = page.nextAfter
      head = page.hasMore ? page.nextAfter : max(page.nextAfter, page.head)
      if !page.hasMore { break }
    }
    let plain = try log()
    #expect(found == plain.events(of: user, until: head), "events up to \(head), \(place)")
  }

  private mutating func past(of user: UserID) throws {
    let head = try queries.head()
    let position = Position(UInt64(numbers.number(1...Int64(head.rawValue))))
    let point = try queries.resolve(.position(position), now: now).get()
    let past = try queries.usage(of: .id(user), at: point).get()
    guard let past else { return }
    #expect(past.position == position, "\(place)")
    try compare(past, with: log(), "as of")
  }

  private mutating func refusals(of user: UserID) throws {
    let all = try log().events(of: user, until: Position(.max))
    let refused = all.filter { $0.fact.kind == .spendRefused }
    guard !refused.isEmpty else { return }
    var request = ExplanationRequest(user: .id(user))
    request.refusal = numbers.element(of: refused).position
    request.limit = Int(numbers.number(1...40))
    try compare(try #require(try? queries.explain(request, now: now).get()), request.limit)
  }

  private func list() throws {
    let users = try queries.users(after: nil, limit: 10)
    let plain = try log()
    for user in users {
      let limit = plain.ownDailyLimit(of: user.account.user, at: user.position)
      #expect(user.account.ownLimits.daily == limit, "list at \(user.position), \(place)")
    }
  }
}
