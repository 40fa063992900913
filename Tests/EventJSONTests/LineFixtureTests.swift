import EventJSON
import EventLog
import Foundation
import JSON
import QuotaModel
import Testing

/// A record of format 1 and the line of an export that says the same.
struct LineFixture: Sendable, CustomTestStringConvertible {
  let name: String
  let record: [UInt8]
  /// nil where nobody has written it yet.
  let line: [UInt8]?

  var testDescription: String { name }

  private struct Record: Decodable {
    let record: String
  }

  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures").standardized
  private static let records = fixtures.appending(path: "records-format-1")
  private static let lines = fixtures.appending(path: "lines-format-1")

  /// Records at the edges of the numbers in them: no log gets there, and no line says them.
  private static let beyondLines: Set = [
    "everything-longest.json", "times-earliest.json", "times-latest.json",
  ]

  static let all: [LineFixture] = names(in: records).compactMap { name in
    guard !beyondLines.contains(name),
      let stored = try? Data(contentsOf: records.appending(path: name)),
      let digits = try? JSONDecoder().decode(Record.self, from: stored).record
    else { return nil }
    let line = try? Data(contentsOf: lines.appending(path: name))
    return LineFixture(name: name, record: bytes(digits), line: line.map(Array.init))
  }

  static func names(in folder: URL = lines) -> [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
    return (names ?? []).filter { $0.hasSuffix(".json") }.sorted()
  }

  /// Adds the line where there is none; one that is there never changes.
  func write() throws {
    guard line == nil else { return }
    try FileManager.default.createDirectory(at: Self.lines, withIntermediateDirectories: true)
    try Data(try written()).write(to: Self.lines.appending(path: name))
  }

  func written() throws -> [UInt8] {
    var json = JSONWriter()
    let bytes = unsafe record.span.bytes
    json.event(try RecordView(checking: bytes).event())
    json.newline()
    return json.take()
  }

  private static func bytes(_ digits: String) -> [UInt8] {
    let digits = Array(digits.utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap { start in
      UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16)
    }
  }
}

@Suite struct `The line of an event of format 1` {
  @Test(arguments: LineFixture.all) func `is written from its record as ever`(
    fixture: LineFixture
  ) throws {
    #expect(try fixture.written() == fixture.line, "\(fixture.name)")
  }

  @Test(arguments: LineFixture.all) func `is read to the bytes of its record`(
    fixture: LineFixture
  ) throws {
    let json = try JSONParser().parse(try #require(fixture.line))
    var batch = RecordBatch()
    batch.append(try Event(json: json))
    #expect(batch.bytes == fixture.record, "\(fixture.name)")
  }

  @Test func `is kept of every record, and of nothing else`() {
    #expect(LineFixture.all.count >= EventKind.allCases.count)
    #expect(LineFixture.names() == LineFixture.all.map(\.name))
  }

  /// Set `QUOTALOG_WRITE_FIXTURES` to 1 after adding a record.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["QUOTALOG_WRITE_FIXTURES"] == "1"))
  func `is written for every record that has none`() throws {
    for fixture in LineFixture.all { try fixture.write() }
  }
}
