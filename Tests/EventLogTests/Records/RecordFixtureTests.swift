import Foundation
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

  @Test func `is kept of every optional part alone`() {
    var holds: Set<UInt8> = []
    var settlements: Set<UInt8> = []
    var refusals: Set<UInt8> = []
    var spends: Set<UInt8> = []
    var usages: Set<UInt8> = []
    for fixture in RecordFixture.all {
      switch try? decoded(fixture.bytes).fact {
      case .spendHeld(let hold): holds.insert(HoldParts(of: hold).rawValue)
      case .holdSettled(_, let settlement):
        settlements.insert(SettlementParts(of: settlement).rawValue)
      case .spendRefused(let refusal): refusals.insert(RefusalParts(of: refusal).rawValue)
      case .tokensSpent(let spend): spends.insert(SpendParts(of: spend).rawValue)
      case .session(_, .usageRecorded(let usage)): usages.insert(UsageParts(of: usage).rawValue)
      default: break
      }
    }
    #expect(holds.isSuperset(of: Self.single(HoldParts.all.rawValue)))
    #expect(settlements.isSuperset(of: Self.single(SettlementParts.all.rawValue)))
    #expect(refusals.isSuperset(of: Self.single(RefusalParts.all.rawValue)))
    #expect(spends.isSuperset(of: Self.single(SpendParts.all.rawValue)))
    #expect(usages.isSuperset(of: Self.single(UsageParts.all.rawValue)))
  }

  /// No part, and each part alone.
  private static func single(_ all: UInt8) -> Set<UInt8> {
    Set([0] + (0..<8).map { 1 << $0 }.filter { all & $0 != 0 })
  }

  /// Set `QUOTALOG_WRITE_FIXTURES` to 1 after adding an example.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["QUOTALOG_WRITE_FIXTURES"] == "1"))
  func `is written for every example that has none`() throws {
    for example in EventExamples.all { try RecordFixture.add(example) }
  }
}
