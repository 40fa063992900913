import LMDB
import QuotaModel
import TestSupport
import Testing

@testable import EventLog

@Suite struct `A record` {
  @Test(arguments: EventExamples.all) func `gives back the event that it was made of`(
    example: EventExample
  ) throws {
    #expect(try decoded(encoded(example.event)) == example.event)
  }

  @Test func `gives back any event`() throws {
    var events = RandomEvents(numbers: SeededNumbers())
    for number in 0..<5_000 {
      let event = events.event(at: Position(UInt64(number)))
      let bytes = encoded(event)
      try #require(bytes.count <= 4072, "seed \(events.numbers.seed)")
      try #require(try decoded(bytes) == event, "seed \(events.numbers.seed)")
    }
  }

  /// A connection that ended before its head has the status 0; such a record has to be readable ever after.
  @Test func `says nothing of a number that is outside its bounds`() throws {
    let mark = EventExamples.must { try CallMark("m") }
    let step = EventExamples.must { try StepID("s") }
    let facts: [(SessionFact, SessionFact)] = [
      (
        .failed(SessionError(kind: mark, statusCode: 0)),
        .failed(SessionError(kind: mark, statusCode: nil))
      ),
      (
        .callAdmitted(
          CallAdmission(call: step, reservation: .smallest, expiresAt: .latest, turn: 0)),
        .callAdmitted(
          CallAdmission(call: step, reservation: .smallest, expiresAt: .latest, turn: nil))
      ),
      (
        .messageAnswered(AssistantMessage(message: EntryID(random: 1, 2), turn: 0)),
        .messageAnswered(AssistantMessage(message: EntryID(random: 1, 2), turn: nil))
      ),
    ]
    let session = SessionRef(Position(12))
    for (said, read) in facts {
      let record = encoded(EventExamples.event(1, .session(session, said)))
      #expect(try decoded(record).fact == .session(session, read))
    }
  }

  @Test func `lies in memory as its layout says`() {
    let event = EventExamples.event(
      0x0102, .userRegistered(EventExamples.ada, role: .staff), actor: .user(EventExamples.eve),
      requestID: "id", reason: "why", recordedAt: 0x0304, happenedAt: -1)
    let zeros = [UInt8](repeating: 0, count: 6)
    let ada: [UInt8] = [1, 0x23, 0x45, 0x67, 0x89, 0xAB, 0x4D, 0xEF, 0x81]
    let id = ada + [0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF]
    var expected: [UInt8] = [83, 0, 1, 1, 2, 3, 0, 0] + [2, 1] + zeros + [4, 3] + zeros
    expected += [UInt8](repeating: 0xFF, count: 8) + [UInt8](repeating: 0xFF, count: 16)
    expected += [2, 0] + Array("id".utf8) + [3, 0] + Array("why".utf8) + [0] + id + [2]
    #expect(Array(encoded(event).dropLast(8)) == expected)
  }

  @Test func `is read in place without the rest`() throws {
    var events = RandomEvents(numbers: SeededNumbers())
    for number in 0..<1_000 {
      let event = events.event(at: Position(UInt64(number)))
      let bytes = encoded(event) + [1, 2, 3]
      let record = try RecordView(checking: bytes.rawBytes)
      try #require(record.kind == event.fact.kind)
      try #require(record.position == event.position)
      try #require(record.recordedAt == event.recordedAt)
      try #require(record.happenedAt == event.happenedAt)
      try #require(record.actor == event.actor)
      try #require(try record.user() == event.fact.user, "seed \(events.numbers.seed)")
      let id = record.requestIDBytes.copied
      try #require(id == event.requestID.map { Array($0.description.utf8) })
      guard case .tokensSpent(let spend) = event.fact else { continue }
      let spent = try record.spentTokens()
      try #require(spent.user == spend.user && spent.total == spend.usage.total)
    }
  }

  @Test func `lies behind the one before it, and its range says where`() throws {
    var events = RandomEvents(numbers: SeededNumbers())
    var batch = RecordBatch()
    let expected = (1...50).map { events.event(at: Position($0)) }
    for event in expected { batch.append(event) }
    let bytes = batch.bytes
    let found = try (0..<batch.count).map { index in
      try decoded(Array(bytes[batch.range(at: index)]))
    }
    #expect(found == expected, "seed \(events.numbers.seed)")
  }
}

@Suite struct `A damaged record` {
  @Test(arguments: EventExamples.all) func `is found by any bit that differs`(
    example: EventExample
  ) {
    let record = encoded(example.event)
    let next = encoded(EventExamples.event(99, .defaultsChanged([])))
    let missed = (0..<record.count * 8).filter { bit in
      damage(of: record.flipping(bit: bit) + next) == nil
    }
    #expect(missed == [])
  }

  @Test(arguments: EventExamples.all) func `is found wherever it is cut`(example: EventExample) {
    let record = encoded(example.event)
    for count in 0..<record.count { #expect(damage(of: Array(record.prefix(count))) == .truncated) }
  }

  @Test func `crashes nobody, even where its checksum fits`() {
    var events = RandomEvents(numbers: SeededNumbers())
    for number in 0..<20_000 {
      let record = encoded(events.event(at: Position(UInt64(number))))
      let bytes = resealed(record) { bytes in
        for _ in 0...events.int(3) {
          let place = 3 + events.int(bytes.count - 3)
          bytes[place] = UInt8(truncatingIfNeeded: events.numbers.next())
        }
        if events.int(4) == 0 { bytes.removeLast(min(events.int(20), bytes.count - 32)) }
      }
      Self.readEverything(of: bytes)
    }
  }

  private static func readEverything(of bytes: [UInt8]) {
    do {
      let record = try RecordView(checking: bytes.rawBytes)
      _ = (record.actor, record.position, record.recordedAt, record.happenedAt)
      _ = try record.user()
      if record.kind == .tokensSpent { _ = try record.spentTokens() }
      _ = try record.event()
    } catch {}
  }
}

@Suite struct `A record that this program cannot know` {
  private let record = encoded(EventExamples.event(1, .userDeactivated(EventExamples.ada)))

  @Test(arguments: [0, 2, 255] as [UInt8]) func `is refused by its version`(version: UInt8) {
    let other = resealed(record) { $0[2] = version }
    #expect(damage(of: other) == .unknownVersion(version))
  }

  @Test(arguments: [0, 48, 255] as [UInt8]) func `is refused by its kind`(kind: UInt8) {
    let other = resealed(record) { $0[3] = kind }
    #expect(damage(of: other) == .unknownKind(kind))
  }

  @Test(arguments: [(4, 3), (5, 4), (5, 0x80), (6, 1), (7, 0x80)] as [(Int, UInt8)])
  func `is refused by its actor, its flags and what must be zero`(offset: Int, value: UInt8) {
    let other = resealed(record) { $0[offset] = value }
    #expect(damage(of: other) == .malformed)
  }

  @Test func `is refused where more follows than its kind has`() {
    let other = resealed(record) { $0.append(0) }
    #expect(damage(of: other) == .malformed)
  }

  @Test func `is refused where a text is no UTF-8`() {
    let event = EventExamples.event(
      1, .userDeactivated(EventExamples.ada), requestID: "r", reason: "w")
    for offset in [34, 37] {
      let other = resealed(encoded(event)) { $0[offset] = 0xFF }
      #expect(damage(of: other) == .malformed)
    }
  }

  @Test(arguments: [
    (RecordDamage.unknownVersion(2), "the record has format 2, which a newer quotalog wrote"),
    (.unknownKind(16), "the record has kind 16, which a newer quotalog wrote"),
  ]) func `says who wrote it`(damage: RecordDamage, text: String) {
    #expect("\(damage)" == text)
  }
}
