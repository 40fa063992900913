import LMDB
import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A damaged row` {
  private static let ada = UserID(high: 3, low: 4)
  private static let digest = TokenDigest((1, 2, 3, 4))

  /// Every table, and whether it is the key that says something.
  @Test(
    arguments: [
      "accounts", "windows", "requests", "history", "tokens", "token_ids", "holds",
    ], [-1, 1])
  func `is found by its length, and ends nobody's process`(table: String, change: Int) throws {
    let projection = try Self.projection()
    try projection.changingTables(table) { entries, transaction, table in
      for entry in entries {
        let row = change < 0 ? Array(entry.value.dropLast()) : entry.value + [0]
        try transaction.put(row.rawBytes, under: entry.key.rawBytes, in: table)
      }
    }
    let found = Self.failures(of: projection)
    #expect(found.contains(.malformedRow(table: table == "token_ids" ? "tokens" : table)))
  }

  @Test func `is found by a key that is too short`() throws {
    for table in ["hold_expiries", "accounts"] {
      let projection = try Self.projection()
      try projection.changingTables(table) { entries, transaction, table in
        let first = entries[0]
        let key = Array(first.key.prefix(9))
        try transaction.remove(first.key.rawBytes, from: table)
        try transaction.put(first.value.rawBytes, under: key.rawBytes, in: table)
      }
      #expect(Self.failures(of: projection).contains(.malformedRow(table: table)))
    }
  }

  @Test(
    arguments: [(4, 99), (7, 17), (14, 0x7F), (47, 0xFF), (87, 0x80), (95, 0xFF)] as [(Int, UInt8)])
  func `of an account is found by a number that cannot be`(offset: Int, value: UInt8) throws {
    let projection = try Self.projection()
    try projection.changingTables("accounts") { entries, transaction, table in
      let first = entries[0]
      var row = first.value
      row[offset] = value
      try transaction.put(row.rawBytes, under: first.key.rawBytes, in: table)
    }
    #expect(Self.failures(of: projection).contains(.malformedRow(table: "accounts")))
  }

  /// What goes wrong with every question that there is.
  private static func failures(of projection: TestProjection) -> Set<ProjectionFailure> {
    var failures: Set<ProjectionFailure> = []
    func ask(_ question: () throws(ProjectionFailure) -> Void) {
      do { try question() } catch { failures.insert(error) }
    }
    ask { () throws(ProjectionFailure) in
      try projection.generation.read { (snapshot) throws(ProjectionFailure) in
        for question in 0..<5 {
          ask { () throws(ProjectionFailure) in try answer(question, snapshot) }
        }
      }
    }
    ask { () throws(ProjectionFailure) in
      var batch = try projection.folder.beginBatch()
      for question in 0..<5 {
        do throws(ProjectionFailure) { try answer(question, &batch) } catch {
          failures.insert(error)
        }
      }
      batch.abandon()
    }
    return failures
  }

  private static func answer(
    _ question: Int, _ snapshot: borrowing Snapshot
  ) throws(ProjectionFailure) {
    switch question {
    case 0: _ = try snapshot.storedAccounts(after: nil, limit: 10)
    case 1: _ = try snapshot.token(digest)
    case 2: _ = try snapshot.hold(HoldID(Position(4)))
    default:
      guard let entry = try snapshot.account(ada) else { return }
      _ = try snapshot.used(by: entry, in: late, of: .utc)
      _ = try snapshot.history(of: entry, after: .zero, limit: .max)
    }
  }

  private static func answer(
    _ question: Int, _ batch: inout FoldBatch
  ) throws(ProjectionFailure) {
    switch question {
    case 0: _ = try batch.position(ofRequest: EventText.request, by: .operator)
    case 1: _ = (try batch.token(TokenID(1)), try batch.hasToken(digest))
    case 2: _ = try batch.holds(expiredAt: .latest, limit: 10)
    case 3: _ = try batch.hold(HoldID(Position(4)))
    default: _ = try batch.history(of: ada, after: .zero, limit: .max)
    }
  }

  private static let late = QuotaCalendar.utc.window(
    .daily, containing: .at("2026-04-01T00:00:00Z"))

  /// A projection with a row in every table.
  private static func projection() throws -> TestProjection {
    let issue = TokenIssue(token: TokenID(1), user: ada, digest: digest)
    var facts: [Fact] = [
      .userRegistered(ada, role: .user), .tokenIssued(issue),
      .limitsChanged(ada, [LimitChange(period: .daily, old: nil, new: .unlimited)]),
      .spendHeld(Hold(user: ada, tokens: .of(5), expiresAt: .at("2026-05-02T00:00:00Z"))),
    ]
    facts += (0..<20).map { _ in .tokensSpent(Spend(user: ada, usage: TokenUsage(total: .of(1)))) }
    let projection = try TestProjection()
    let events = facts.enumerated().map { index, fact in
      Event(
        position: Position(UInt64(index + 1)), recordedAt: .at("2026-05-01T00:00:00Z"),
        happenedAt: .at(index == 10 ? "2026-04-01T00:00:00Z" : "2026-05-01T00:00:00Z"),
        actor: .operator, requestID: index == 6 ? EventText.request : nil, fact: fact)
    }
    try projection.fold(events, mayWait: false)
    return projection
  }
}

private enum EventText {
  static let request: RequestID = {
    do { return try RequestID("request") } catch { preconditionFailure("\(error)") }
  }()
}
