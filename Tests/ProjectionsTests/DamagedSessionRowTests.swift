import LMDB
import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A damaged row of a session` {
  private static let ada = UserID(high: 3, low: 4)
  private static let session = SessionRef(Position(3))
  private static let id = must { try SessionID("s1") }
  private static let budget = must { try BudgetID("b1") }
  private static let call = must { try StepID("c1") }

  @Test(
    arguments: [
      "sessions", "session_ids", "session_events", "session_keys", "call_expiries", "budgets",
    ], [-1, 1])
  func `is found by its length, and ends nobody's process`(table: String, change: Int) throws {
    let projection = try Self.projection()
    try projection.changingTables(table) { entries, transaction, table in
      for entry in entries {
        let row = change < 0 ? Array(entry.value.dropLast()) : entry.value + [0]
        try transaction.put(row.rawBytes, under: entry.key.rawBytes, in: table)
      }
    }
    let tables = Self.failures(of: projection).map(\.description)
    #expect(tables.contains { $0.contains(table) }, "\(tables)")
  }

  @Test(arguments: [
    "sessions", "session_ids", "session_owners", "session_events", "session_keys",
    "call_expiries", "living_sessions", "starts", "budgets",
  ])
  func `ends nobody's process where its key is too short`(table: String) throws {
    let projection = try Self.projection()
    try projection.changingTables(table) { entries, transaction, table in
      let first = entries[0]
      let key = Array(first.key.prefix(max(1, first.key.count - 3)))
      try transaction.remove(first.key.rawBytes, from: table)
      try transaction.put(first.value.rawBytes, under: key.rawBytes, in: table)
    }
    _ = Self.failures(of: projection)
  }

  /// Cut anywhere, and with any byte replaced: a row may say something else, but it is read.
  @Test(arguments: ["sessions", "budgets"])
  func `ends nobody's process whatever it says`(table: String) throws {
    let projection = try Self.projection()
    let row = try projection.changingTables(table) { entries, _, _ in entries[0].value }
    var numbers = SeededNumbers()
    for _ in 0..<60 {
      var bytes = row
      if numbers.next() & 3 == 0 {
        bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &numbers)))
      } else {
        bytes[Int.random(in: 0..<bytes.count, using: &numbers)] = UInt8(
          truncatingIfNeeded: numbers.next())
      }
      try projection.changingTables(table) { entries, transaction, table in
        let key = entries[0].key
        try transaction.put(bytes.rawBytes, under: key.rawBytes, in: table)
      }
      _ = Self.failures(of: projection)
    }
  }

  @Test func `is found where a cap is negative`() throws {
    let projection = try Self.projection()
    let cap: [UInt8] = [0x39, 0x30, 0, 0, 0, 0, 0, 0]
    try projection.changingTables("sessions") { entries, transaction, table in
      let key = entries[0].key
      var row = entries[0].value
      let start = try #require(row.indices.first { row[$0...].starts(with: cap) })
      row.replaceSubrange(start..<start + 8, with: [0xFE] + [UInt8](repeating: 0xFF, count: 7))
      try transaction.put(row.rawBytes, under: key.rawBytes, in: table)
    }
    #expect(Self.failures(of: projection).contains(.malformedRow(table: "sessions")))
  }

  @Test func `says the same of a step in and out of a batch`() throws {
    let projection = try Self.projection()
    let step = SessionKey(.call, Self.call.description)
    let found = try projection.generation.read { (snapshot) throws(ProjectionFailure) in
      try snapshot.position(of: step, in: Self.session)
    }
    let batch = try projection.folder.beginBatch()
    let foundInBatch = try batch.position(of: step, in: Self.session)
    batch.abandon()
    #expect(found == Position(4))
    #expect(foundInBatch == Position(4))
  }

  /// What goes wrong with every question that there is.
  private static func failures(of projection: TestProjection) -> Set<ProjectionFailure> {
    var failures: Set<ProjectionFailure> = []
    func ask(_ question: () throws(ProjectionFailure) -> Void) {
      do { try question() } catch { failures.insert(error) }
    }
    for question in 0..<9 {
      ask { () throws(ProjectionFailure) in
        try projection.generation.read { (snapshot) throws(ProjectionFailure) in
          try answer(question, snapshot)
        }
      }
      ask { () throws(ProjectionFailure) in
        var batch = try projection.folder.beginBatch()
        do throws(ProjectionFailure) { try answer(question, &batch) } catch {
          failures.insert(error)
        }
        batch.abandon()
      }
    }
    return failures
  }

  private static func answer(
    _ question: Int, _ snapshot: borrowing Snapshot
  ) throws(ProjectionFailure) {
    switch question {
    case 0: _ = try snapshot.session(id)
    case 1: _ = try snapshot.session(session)
    case 2: _ = try snapshot.sessions(after: nil, limit: 10)
    case 3: _ = try snapshot.sessions(of: ada, after: nil, limit: 10)
    case 4: _ = try snapshot.events(of: session, after: .zero, limit: 10)
    case 5: _ = try snapshot.position(of: SessionKey(.call, call.description), in: session)
    case 6: _ = try snapshot.budget(budget)
    case 7: _ = try snapshot.firstCallDeadline()
    default: _ = try snapshot.sessionsWithOpenCalls()
    }
  }

  private static func answer(
    _ question: Int, _ batch: inout FoldBatch
  ) throws(ProjectionFailure) {
    switch question {
    case 0: _ = try batch.session(id)
    case 1: _ = try batch.session(session)
    case 2: _ = try batch.position(of: SessionKey(.call, call.description), in: session)
    case 3: _ = try batch.budget(budget)
    default: _ = try batch.expiredCalls(at: .latest, limit: 10)
    }
  }

  /// A projection with a row in every table.
  private static func projection() throws -> TestProjection {
    let amount = must { () throws(Unfit) in try credits(12_345) }
    let admission = CallAdmission(
      call: call, reservation: amount, expiresAt: .at("2026-05-02T00:00:00Z"))
    let facts: [Fact] = [
      .userRegistered(ada, role: .user),
      .budgetChanged(BudgetChange(budget: budget, old: nil, new: amount)),
      .sessionStarted(
        SessionStart(
          id: id, user: ada, seed: EntryID(random: 1, 2), limit: amount, budget: budget)),
      .session(session, .callAdmitted(admission)),
    ]
    let projection = try TestProjection()
    let events = facts.enumerated().map { index, fact in
      Event(
        position: Position(UInt64(index + 1)), recordedAt: .at("2026-05-01T00:00:00Z"),
        happenedAt: .at("2026-05-01T00:00:00Z"), actor: .operator, fact: fact)
    }
    try projection.fold(events, mayWait: false)
    return projection
  }

  private struct Unfit: Error {}

  private static func credits(_ number: Int64) throws(Unfit) -> NanoCredits {
    guard let amount = NanoCredits(number) else { throw Unfit() }
    return amount
  }

  private static func must<Value>(_ make: () throws -> Value) -> Value {
    do { return try make() } catch { preconditionFailure("an example is refused: \(error)") }
  }
}
