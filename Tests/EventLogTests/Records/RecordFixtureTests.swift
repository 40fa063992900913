import EventLog
import Foundation
import QuotaModel
import Testing

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

  /// Set `QUOTALOG_WRITE_FIXTURES` to 1 after adding an example.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["QUOTALOG_WRITE_FIXTURES"] == "1"))
  func `is written for every example that has none`() throws {
    for example in EventExamples.all { try RecordFixture.add(example) }
  }
}
