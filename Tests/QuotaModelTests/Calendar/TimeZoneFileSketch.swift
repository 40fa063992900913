import QuotaModel

/// A small TZif file to be, for the rules and the damage that no real zone shows.
struct TimeZoneFileSketch {
  var version: Character = "2"
  var transitions: [(second: Int64, type: UInt8)] = []
  var offsets: [Int32] = [0]
  var footer = ""
  var leapSeconds = 0

  /// The file; version 1 has one block with 32-bit times, the others an empty one before the real
  /// one.
  var bytes: [UInt8] {
    guard version != "1" else { return header(versionByte: 0) + block(timeSize: 4) }
    let byte = version.asciiValue ?? 0
    let empty = TimeZoneFileSketch()
    return empty.header(versionByte: byte) + empty.block(timeSize: 4)
      + header(versionByte: byte) + block(timeSize: 8) + Array("\n\(footer)\n".utf8)
  }

  var rules: TimeZoneRules {
    get throws(TimeZoneFormatError) { try TimeZoneRules(name: "Sketch", tzif: bytes) }
  }

  private func header(versionByte: UInt8) -> [UInt8] {
    let counts = [0, 0, leapSeconds, transitions.count, offsets.count, 4]
    return Array("TZif".utf8) + [versionByte] + Array(repeating: 0, count: 15)
      + counts.flatMap { Self.bigEndian(Int64($0), size: 4) }
  }

  private func block(timeSize: Int) -> [UInt8] {
    transitions.flatMap { Self.bigEndian($0.second, size: timeSize) }
      + transitions.map(\.type)
      + offsets.flatMap { Self.bigEndian(Int64($0), size: 4) + [0, 0] }
      + Array("LMT\0".utf8)
      + Array(repeating: 0, count: leapSeconds * (timeSize + 4))
  }

  private static func bigEndian(_ number: Int64, size: Int) -> [UInt8] {
    (0..<size).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }
}
