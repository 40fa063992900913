internal import QuotaModel

/// What a terminal may be given.
enum TerminalText {
  /// The text with every character spelled out as `\u009b` that a terminal would obey, or that nobody would
  /// see, but for what we write ourselves: line ends, tabulators, colours and the erasing of a line.
  ///
  /// The spelling is JSON's, so that a document of JSON stays one with the same content.
  static func harmless(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.contains(where: { $0 < 0x20 && $0 != 0x0A || $0 >= 0x7F }) else { return bytes }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var rest = Substring(String(decoding: bytes, as: UTF8.self)).unicodeScalars
    while let scalar = rest.first {
      if let own = ownSequences.first(where: { rest.starts(with: $0.unicodeScalars) }) {
        result += own.utf8
        rest.removeFirst(own.unicodeScalars.count)
        continue
      }
      rest.removeFirst()
      if scalar.isHidden, !scalar.isJoiner {
        for unit in UTF16.encode(scalar)! { result += spelling(of: unit) }
      } else {
        result += UTF8.encode(scalar)!
      }
    }
    return result
  }

  private static let ownSequences =
    ["\n", "\r", "\t", "\u{1B}[K", "\u{1B}[0m"] + Terminal.Colour.allCases.map(\.sequence)

  private static func spelling(of unit: UInt16) -> [UInt8] {
    let digits = String(unit, radix: 16)
    return Array("\\u\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)".utf8)
  }
}
