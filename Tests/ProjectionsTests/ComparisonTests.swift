import LMDB
import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A comparison of two projections` {
  /// Tables that are folded, by what a rebuild has to give again, and how a difference in them begins.
  private static let tables = [
    ("accounts", "account "), ("windows", "account "), ("requests", "request id "),
    ("history", "account "), ("tokens", "the token "), ("token_ids", "token "),
    ("holds", "hold "), ("hold_expiries", "hold "), ("hold_owners", "hold "),
    ("schedules", "scheduled change "), ("schedule_ids", "scheduled change "),
    ("corrections", "the correction of the event "), ("system_events", "what holds for everybody "),
    ("allowances", "account "), ("told", "account "),
  ]

  @Test func `finds nothing where both come from one history`() throws {
    let (projection, other) = try Self.twins()
    #expect(try projection.difference(from: other) == nil)
    #expect(try other.difference(from: projection) == nil)
    #expect(try projection.generation.equals(other.generation, in: .first))
    #expect(try projection.generation.equals(other.generation, in: .second))
  }

  @Test func `finds another state`() throws {
    let projection = try TestProjection(setting: .default)
    let sunday = CalendarSetting(zone: CalendarSetting.default.zone, weekStart: .sunday)
    let other = try TestProjection(setting: sunday)
    let difference = try #require(try projection.difference(from: other))
    #expect(difference.subject == "the system's state")
    #expect(difference.fields.map(\.name) == ["calendar"])
    #expect(difference.fields.first?.right.hasSuffix("weeks from sunday") == true)
  }

  @Test(arguments: tables) func `names what a row is about that differs`(
    table: String, subject: String
  ) throws {
    let (projection, other) = try Self.twins()
    try projection.changingTables(table) { entries, transaction, table in
      let middle = entries[entries.count / 2]
      let changed = middle.value.isEmpty ? [1] : middle.value.map { ~$0 }
      try transaction.put(changed.rawBytes, under: middle.key.rawBytes, in: table)
    }
    try Self.expectDifference(about: subject, between: projection, other)
  }

  @Test(arguments: tables) func `names what a row is about that is missing`(
    table: String, subject: String
  ) throws {
    let (projection, other) = try Self.twins()
    _ = try projection.changingTables(table) { entries, transaction, table in
      let last = entries[entries.count - 1].key
      try transaction.remove(last.rawBytes, from: table)
    }
    try Self.expectDifference(about: subject, between: projection, other)
  }

  @Test(arguments: tables) func `survives a row that belongs to nothing`(
    table: String, _: String
  ) throws {
    let (projection, other) = try Self.twins()
    try projection.changingTables(table) { entries, transaction, table in
      let key = [UInt8](repeating: 0xFF, count: entries[0].key.count)
      try transaction.put(key.rawBytes, under: key.rawBytes, in: table)
    }
    #expect(try projection.difference(from: other) != nil)
    #expect(try other.difference(from: projection) != nil)
  }

  @Test func `tells both values of what differs of an account`() throws {
    let (projection, other) = try Self.twins()
    // The lifetime's lowest byte is the 89th of a row.
    let key = try projection.changingTables("accounts") { entries, transaction, table in
      let middle = entries[entries.count / 2]
      var changed = middle.value
      changed[88] ^= 1
      try transaction.put(changed.rawBytes, under: middle.key.rawBytes, in: table)
      return middle.key
    }
    let difference = try #require(try projection.difference(from: other))
    let user = try #require(difference.account?.user)
    #expect(user.description.filter { $0 != "-" } == key.hexadecimal)
    #expect(difference.subject == "account \(user)")
    #expect(difference.fields.map(\.name) == ["spent in all"])
    let field = try #require(difference.fields.first)
    let values = try [projection, other].map { (each) in
      try each.generation.read { (snapshot) throws(ProjectionFailure) in
        try snapshot.account(user)?.account.lifetime.description
      }
    }
    #expect([field.left, field.right] == values)
    #expect(field.left != field.right)
  }

  private static func expectDifference(
    about subject: String, between one: TestProjection, _ other: TestProjection
  ) throws {
    let there = try #require(try one.difference(from: other))
    let back = try #require(try other.difference(from: one))
    #expect(there.subject.hasPrefix(subject), "\(there)")
    #expect(back.subject == there.subject)
    #expect(!there.fields.isEmpty)
    #expect(back.fields.map(\.left) == there.fields.map(\.right))
    let firstIsEqual = try one.generation.equals(other.generation, in: .first)
    let secondIsEqual = try one.generation.equals(other.generation, in: .second)
    #expect(!(firstIsEqual && secondIsEqual))
  }

  /// Two projections of a history that leaves rows in every table, folded in different ways.
  private static func twins() throws -> (TestProjection, TestProjection) {
    var history = RandomHistory(seed: 4)
    let events = (0..<1500).map { _ in history.next() }
    let projection = try TestProjection()
    try projection.fold(Array(events.prefix(700)))
    try projection.fold(Array(events.dropFirst(700)))
    try projection.storeAll()
    return (projection, try TestProjection.rebuilt(from: events, history.reckoning.setting))
  }
}

extension TestProjection {
  func difference(from other: TestProjection) throws -> ProjectionDifference? {
    try generation.difference(from: other.generation)
  }
}

extension Generation {
  /// Where two generations of UTC first differ.
  func difference(from other: Generation) throws -> ProjectionDifference? {
    try firstDifference(from: other, in: RandomHistory.calendar(.default))
  }
}

extension [UInt8] {
  fileprivate var hexadecimal: String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
