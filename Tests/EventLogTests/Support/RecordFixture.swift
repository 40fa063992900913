import Foundation
import Testing

/// A record as a released program wrote it, and what it says.
struct RecordFixture: Codable, Sendable, CustomTestStringConvertible {
  let name: String
  let event: [String: String]
  /// Hexadecimal.
  let record: String

  var testDescription: String { name }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/records-format-1").standardized

  static let all: [RecordFixture] = {
    do {
      return try FileManager.default
        .contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        .filter { $0.pathExtension == "json" }
        .sorted { $0.path < $1.path }
        .map { try JSONDecoder().decode(RecordFixture.self, from: Data(contentsOf: $0)) }
    } catch {
      return []
    }
  }()

  var bytes: [UInt8] {
    let digits = Array(record.utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap { start in
      UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16)
    }
  }

  /// Adds the fixture where there is none of its name; one that is there never changes.
  static func add(_ example: EventExample) throws {
    let file = folder.appending(path: "\(example.name).json")
    guard !FileManager.default.fileExists(atPath: file.path) else { return }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let digits = encoded(example.event).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    let fixture = RecordFixture(
      name: example.name, event: description(of: example.event), record: digits.joined())
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try (encoder.encode(fixture) + [0x0A]).write(to: file)
  }
}
