/// 32 bytes that SHA-256 made: a leaf, a node or a root of a Merkle tree.
public struct Digest256: Hashable, Sendable {
  /// The bytes as four big-endian words, first bytes first.
  let words: Words

  struct Words: Hashable, Sendable {
    let first, second, third, fourth: UInt64
  }

  public static let byteCount = 32

  init(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
    words = Words(first: first, second: second, third: third, fourth: fourth)
  }

  /// nil where there are not exactly 32 bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    var words = InlineArray<4, UInt64>(repeating: 0)
    for (place, byte) in bytes.enumerated() {
      words[place / 8] = words[place / 8] << 8 | UInt64(byte)
    }
    self.init(words[0], words[1], words[2], words[3])
  }

  /// The 32 bytes of `span` from `start` on, which must be there.
  init(in span: Span<UInt8>, at start: Int) {
    precondition(start >= 0 && start + Self.byteCount <= span.count, "no digest there")
    func word(_ place: Int) -> UInt64 {
      // The four words lie in the bytes that were just checked, and any bits make a word.
      let word = unsafe span.bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: start + 8 * place, as: UInt64.self)
      return UInt64(bigEndian: word)
    }
    self.init(word(0), word(1), word(2), word(3))
  }

  /// `count` digests one after the other, the first at `start`.
  static func row(of count: Int, in bytes: [UInt8], from start: Int) -> [Digest256] {
    let span = bytes.span
    var row: [Digest256] = []
    row.reserveCapacity(count)
    for place in 0..<count { row.append(Digest256(in: span, at: start + place * byteCount)) }
    return row
  }

  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(self)
    return bytes
  }

  func write(to span: inout MutableSpan<UInt8>, at start: Int) {
    precondition(start >= 0 && start + Self.byteCount <= span.count, "no room for a digest")
    var bytes = unsafe span.mutableBytes
    for (place, word) in [words.first, words.second, words.third, words.fourth].enumerated() {
      // The four words lie in the bytes that were just checked.
      unsafe bytes.storeBytes(
        of: word.bigEndian, toUncheckedByteOffset: start + 8 * place, as: UInt64.self)
    }
  }
}

extension [UInt8] {
  mutating func append(_ digest: Digest256) {
    let start = count
    append(contentsOf: repeatElement(0, count: Digest256.byteCount))
    var span = mutableSpan
    digest.write(to: &span, at: start)
  }

  /// All digests one after the other.
  public init(concatenating digests: [Digest256]) {
    self.init(repeating: 0, count: digests.count * Digest256.byteCount)
    var span = mutableSpan
    var start = 0
    for digest in digests {
      digest.write(to: &span, at: start)
      start += Digest256.byteCount
    }
  }
}
