import Foundation
import LMDB
import QuotaModel
import Testing

@testable import EventLog

@Suite struct `A record of format 1` {
  @Test(arguments: RecordFixture.all) func `decodes for ever to what it said`(
    fixture: RecordFixture
  ) throws {
    #expect(try description(of: decoded(fixture.bytes)) == fixture.event, "\(fixture.name)")
  }

  @Test(arguments: RecordFixture.all) func `is encoded again to the same bytes`(
    fixture: RecordFixture
  ) throws {
    #expect(try encoded(decoded(fixture.bytes)) == fixture.bytes, "\(fixture.name)")
  }

  @Test(arguments: EventExamples.all) func `is kept of every example`(
    example: EventExample
  ) throws {
    let fixture = try #require(RecordFixture.all.first { $0.name == example.name })
    #expect(try decoded(fixture.bytes) == example.event)
    #expect(encoded(example.event) == fixture.bytes)
  }

  @Test func `is kept of every kind`() {
    let kinds = RecordFixture.all.compactMap { $0.event["kind"] }
    #expect(Set(kinds) == Set(EventKind.allCases.map(\.name)))
  }

  /// A kind is told by its first example, so that a case without one is named.
  @Test(arguments: EventKind.allCases) func `is kept of the kind`(kind: EventKind) {
    #expect(RecordFixture.all.contains { $0.event["kind"] == kind.name }, "\(kind.name)")
  }

  /// The bits of the members that may be missing, as the fixtures of a kind have them.
  @Test(arguments: EventKind.allCases)
  func `is kept with and without every member that may be missing`(kind: EventKind) throws {
    let bits = try RecordFixture.all.filter { $0.event["kind"] == kind.name }
      .map { try optionalMembers($0.bytes) }
    let longest = FactOutline.all(of: kind).map { $0.bitCount }.max() ?? 0
    for bit in 0..<UInt64(longest) {
      #expect(
        bits.contains { $0 >> bit & 1 == 1 }, "\(kind.name) has no fixture with member \(bit)")
      #expect(bits.contains { $0 >> bit & 1 == 0 }, "\(kind.name) always has member \(bit)")
    }
    #expect(bits.allSatisfy { $0 >> UInt64(longest) == 0 }, "\(kind.name) has unnamed members")
  }

  private func optionalMembers(_ bytes: [UInt8]) throws -> UInt64 {
    let record = try RecordView(checking: bytes.rawBytes)
    var body = record.bodyReader()
    return try body.variable()
  }

  /// Set `QUOTALOG_WRITE_FIXTURES` to 1 after adding an example.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["QUOTALOG_WRITE_FIXTURES"] == "1"))
  func `is written for every example that has none`() throws {
    for example in EventExamples.all { try RecordFixture.add(example) }
  }
}
