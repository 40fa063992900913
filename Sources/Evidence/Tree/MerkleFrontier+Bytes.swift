/// What is wrong with bytes that should be a frontier.
public enum FrontierDamage: Error, Hashable, Sendable {
  /// The bytes end before the size does.
  case truncated
  /// A tree of the size that the bytes say has another number of subtrees.
  case wrongLength(expected: Int, found: Int)
}

extension FrontierDamage: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated: "the frontier is cut short"
    case .wrongLength(let expected, let found):
      "a frontier of this size has \(expected) bytes, not \(found)"
    }
  }
}

extension MerkleFrontier {
  /// The size as a little-endian word, and the subtrees, largest first.
  public var bytes: [UInt8] {
    let size = (0..<8).map { UInt8(truncatingIfNeeded: self.size.count >> UInt64(8 * $0)) }
    return size + [UInt8](concatenating: peaks)
  }

  public init(bytes: [UInt8]) throws(FrontierDamage) {
    guard bytes.count >= 8 else { throw .truncated }
    let size = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let expected = 8 + size.nonzeroBitCount * Digest256.byteCount
    guard bytes.count == expected else {
      throw .wrongLength(expected: expected, found: bytes.count)
    }
    let peaks = Digest256.row(of: size.nonzeroBitCount, in: bytes, from: 8)
    self.init(size: TreeSize(size), peaks: peaks)
  }
}
