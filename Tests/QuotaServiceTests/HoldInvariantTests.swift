import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

/// What must be true at every position of the log, whatever happened in between.
@Suite struct `Holds under hard limits` {
  let open: OpenLedger
  var numbers = SeededNumbers()
  let users: [UserID]

  init() throws {
    open = try OpenLedger()
    users = try [300, 1000, 5000].map { [open] in try open.register(limit: $0) }
  }

  @Test mutating func `never pass a limit, used and held together, at any position`() throws {
    try run(batches: 150)
    var reckoning = Reckoning()
    for event in try events() {
      reckoning.take(event.position, event.fact)
      for (user, limit) in zip(users, [300, 1000, 5000] as [Int64]) {
        // What comes after its hold has expired is counted, and nothing can hold it back.
        let sum = reckoning.used[user, default: 0] - reckoning.late[user, default: 0]
        #expect(
          sum + reckoning.held(by: user) <= limit,
          "seed \(numbers.seed), position \(event.position)")
      }
    }
    #expect(reckoning.used.values.reduce(0, +) > 300, "seed \(numbers.seed)")
  }

  @Test mutating func `end exactly once each, or are still open`() throws {
    try run(batches: 150)
    open.clock.move(bySeconds: 100_000)
    try open.execute(.check(.id(users[0]), estimate: nil))
    var ends: [HoldID: Int] = [:]
    for event in try events() {
      switch event.fact {
      case .spendHeld: ends[HoldID(event.position)] = 0
      case .holdVoided(let id, _), .holdExpired(let id, _): ends[id, default: 9] += 1
      case .holdSettled(let id, let settlement): ends[id, default: 9] += settlement.isLate ? 0 : 1
      default: break
      }
    }
    #expect(ends.count > 50, "seed \(numbers.seed)")
    #expect(ends.values.allSatisfy { $0 == 1 }, "seed \(numbers.seed)")
  }

  @Test mutating func `add up to what the account says, live, after a crash, and rebuilt`() throws {
    for _ in 0..<5 {
      try run(batches: 30)
      var reckoning = Reckoning()
      for event in try events() { reckoning.take(event.position, event.fact) }
      try check(reckoning)
      try open.reopen()
      try check(reckoning)
    }
    #expect(try open.store.rebuild().difference == nil, "seed \(numbers.seed)")
  }

  private func check(_ reckoning: Reckoning) throws {
    for user in users {
      let reading = try #require(
        try Queries(open.store).usage(of: .id(user), at: open.clock.now))
      #expect(
        reading.account.reserved.rawValue == reckoning.held(by: user), "seed \(numbers.seed)")
      #expect(reading.used.daily.rawValue == reckoning.used[user, default: 0])
    }
  }

  /// Batches of holds and of what may become of them, with crashes in between. Settlements use at most
  /// what is held; the clock stays within the day.
  private mutating func run(batches: Int) throws {
    var known = try events().compactMap { event -> HoldID? in
      if case .spendHeld = event.fact { HoldID(event.position) } else { nil }
    }
    for _ in 0..<batches {
      if numbers.once(in: 12) { try open.reopen() }
      if numbers.once(in: 10) { open.ledger.storeFolded() }
      open.clock.move(bySeconds: numbers.number(0...20))
      let count = Int.random(in: 1...20, using: &numbers)
      let batch = (0..<count).map { _ in command(known) }
      for answer in try open.execute(batch.map { Submission($0, by: .operator) }) {
        if let hold = answer.hold { known.append(hold) }
      }
    }
  }

  private mutating func command(_ known: [HoldID]) -> Command {
    let user = numbers.element(of: users)
    guard !known.isEmpty, !numbers.once(in: 2) else {
      return .hold(user: user, numbers.number(20...120), seconds: numbers.number(1...60))
    }
    let hold = numbers.element(of: Array(known.suffix(30)))
    switch Int.random(in: 0..<6, using: &numbers) {
    case 0: return .void(hold)
    case 1: return .extend(hold, timeToLiveSeconds: numbers.number(1...60))
    case 2, 3: return .settle(hold, HoldUsage(.tokens(numbers.number(0...4)), isFinal: false))
    default: return .settle(hold, numbers.number(0...4))
    }
  }

  private func events() throws -> [Event] {
    var filter = EventFilter()
    filter.limit = .max
    return try Queries(open.store).events(filter).events
  }
}

/// What every event of holds means, added up in the plainest way.
private struct Reckoning {
  var used: [UserID: Int64] = [:]
  /// Of that, what came after its hold had expired.
  private(set) var late: [UserID: Int64] = [:]
  private var open: [HoldID: (user: UserID, tokens: Int64)] = [:]

  func held(by user: UserID) -> Int64 {
    open.values.filter { $0.user == user }.reduce(0) { $0 + $1.tokens }
  }

  mutating func take(_ position: Position, _ fact: Fact) {
    switch fact {
    case .spendHeld(let hold): open[HoldID(position)] = (hold.user, hold.tokens.rawValue)
    case .holdDrawn(let id, let settlement):
      count(settlement)
      let held = open[id]?.tokens ?? 0
      open[id]?.tokens = max(0, held - settlement.spend.usage.total.rawValue)
    case .holdSettled(let id, let settlement):
      count(settlement)
      open[id] = nil
    case .holdVoided(let id, _), .holdExpired(let id, _): open[id] = nil
    default: break
    }
  }

  private mutating func count(_ settlement: Settlement) {
    let tokens = settlement.spend.usage.total.rawValue
    used[settlement.spend.user, default: 0] += tokens
    if settlement.isLate { late[settlement.spend.user, default: 0] += tokens }
  }
}
