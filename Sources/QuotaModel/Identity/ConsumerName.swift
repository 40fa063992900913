/// What a reader of events is called whose place in the log is kept: 1 to 100 letters, digits, `-`, `_`, `.`.
public struct ConsumerName: ByteText, Comparable {
  public static let maximumByteCount = 100
  public let description: String

  public init(_ text: String) throws(TextRule) {
    let isName = text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
    }
    guard isName, (1...Self.maximumByteCount).contains(text.utf8.count) else {
      throw TextRule(
        description: "must have 1 to \(Self.maximumByteCount) letters, digits, '-', '_', '.'")
    }
    description = text
  }

  public static func < (left: ConsumerName, right: ConsumerName) -> Bool {
    left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
  }
}
