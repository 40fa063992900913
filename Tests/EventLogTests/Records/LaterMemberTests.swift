import LMDB
import QuotaModel
import Testing

@testable import EventLog

/// A member that some later version adds to every fact, and that may be missing.
@Suite struct `A member that is added later` {
  @Test(arguments: RecordFixture.all)
  func `changes no byte of a record that lacks it`(fixture: RecordFixture) throws {
    let record = try RecordView(checking: fixture.bytes.rawBytes)
    #expect(body(of: try record.fact(), later: nil) == body(in: fixture), "\(fixture.name)")
  }

  @Test(arguments: RecordFixture.all)
  func `is missing in every record from before`(fixture: RecordFixture) throws {
    let bytes = body(in: fixture)
    let record = try RecordView(checking: fixture.bytes.rawBytes)
    let (fact, later) = try fact(of: record.kind, in: bytes)
    #expect(try fact == record.fact(), "\(fixture.name)")
    #expect(later == nil, "\(fixture.name)")
  }

  @Test(arguments: RecordFixture.all)
  func `is read, and stops a program from before`(fixture: RecordFixture) throws {
    let record = try RecordView(checking: fixture.bytes.rawBytes)
    let fact = try record.fact()
    let bytes = body(of: fact, later: .maximum)
    let read = try self.fact(of: record.kind, in: bytes)
    #expect(read.fact == fact && read.later == .maximum, "\(fixture.name)")
    #expect(throws: RecordDamage.unknownMember, "\(fixture.name)") {
      var reader = RecordReader(bytes.rawBytes, from: 0, to: bytes.count)
      _ = try reader.fact(of: record.kind)
    }
  }

  private func body(of fact: Fact, later: TokenCount?) -> [UInt8] {
    var writer = RecordWriter()
    writer.beginScope()
    fact.describe(to: &writer)
    _ = writer.optional("later", .some(later))
    writer.endScope()
    return writer.bytes
  }

  private func fact(
    of kind: EventKind, in body: [UInt8]
  ) throws(RecordDamage) -> (fact: Fact, later: TokenCount?) {
    var reader = RecordReader(body.rawBytes, from: 0, to: body.count)
    try reader.beginScope()
    let fact = try Fact.described(as: kind, by: &reader)
    let later: TokenCount? = try reader.optional("later", nil)
    try reader.endScope()
    return (fact, later)
  }

  private func body(in fixture: RecordFixture) -> [UInt8] {
    do {
      let record = try RecordView(checking: fixture.bytes.rawBytes)
      let start = record.bodyReader().offset
      return Array(fixture.bytes[start..<fixture.bytes.count - RecordFormat.checksumByteCount])
    } catch {
      return []
    }
  }
}
