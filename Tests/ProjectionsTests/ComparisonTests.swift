import LMDB
import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A comparison of two projections` {
  /// Tables that are folded, by what a rebuild has to give again.
  private static let tables = [
    "accounts", "windows", "requests", "history", "tokens", "token_ids", "holds", "hold_expiries",
  ]

  @Test func `finds nothing where both come from one history`() throws {
    let (projection, other) = try Self.twins()
    #expect(try projection.generation.firstDifference(from: other.generation) == nil)
    #expect(try other.generation.firstDifference(from: projection.generation) == nil)
    #expect(try projection.generation.equals(other.generation, in: .first))
    #expect(try projection.generation.equals(other.generation, in: .second))
  }

  @Test func `finds another state`() throws {
    let (projection, other) = try Self.twins(more: 1)
    let difference = try projection.generation.firstDifference(from: other.generation)
    #expect(difference == "the states differ")
  }

  @Test(arguments: tables) func `names the table and the key of a row that differs`(
    table: String
  ) throws {
    let (projection, other) = try Self.twins()
    let key = try projection.changingTables(table) { entries, transaction, table in
      let middle = entries[entries.count / 2]
      let changed = middle.value.isEmpty ? [1] : middle.value.map { ~$0 }
      try transaction.put(changed.rawBytes, under: middle.key.rawBytes, in: table)
      return middle.key
    }
    try Self.expectDifference(in: table, at: key, between: projection, other)
  }

  @Test(arguments: tables) func `names the table and the key of a row that is missing`(
    table: String
  ) throws {
    let (projection, other) = try Self.twins()
    let key = try projection.changingTables(table) { entries, transaction, table in
      let last = entries[entries.count - 1]
      try transaction.remove(last.key.rawBytes, from: table)
      return last.key
    }
    try Self.expectDifference(in: table, at: key, between: projection, other)
  }

  @Test(arguments: tables) func `names the table and the key of a row too many`(
    table: String
  ) throws {
    let (projection, other) = try Self.twins()
    let key = try projection.changingTables(table) { entries, transaction, table in
      let key = [UInt8](repeating: 0xFF, count: entries[0].key.count)
      try transaction.put(key.rawBytes, under: key.rawBytes, in: table)
      return key
    }
    try Self.expectDifference(in: table, at: key, between: projection, other)
  }

  private static func expectDifference(
    in table: String, at key: [UInt8], between one: TestProjection, _ other: TestProjection
  ) throws {
    let digits = key.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let expected = "table \(table), key \(digits)"
    #expect(try one.generation.firstDifference(from: other.generation) == expected)
    #expect(try other.generation.firstDifference(from: one.generation) == expected)
    let firstIsEqual = try one.generation.equals(other.generation, in: .first)
    let secondIsEqual = try one.generation.equals(other.generation, in: .second)
    #expect(!(firstIsEqual && secondIsEqual))
  }

  /// Two projections of a history that leaves rows in every table, folded in different ways.
  private static func twins(more: Int = 0) throws -> (TestProjection, TestProjection) {
    var history = RandomHistory(seed: 4)
    var events = (0..<1500).map { _ in history.next() }
    let projection = try TestProjection()
    try projection.fold(Array(events.prefix(700)))
    try projection.fold(Array(events.dropFirst(700)))
    try projection.storeAll()
    for _ in 0..<more { events.append(history.next()) }
    return (projection, try TestProjection.rebuilt(from: events, history.reckoning.setting))
  }
}
