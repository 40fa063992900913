/// What of a Merkle tree is needed to append to it and to know its root.
///
/// The roots of the complete subtrees that the leaves make, largest first: as many as the size has
/// one-bits, so 64 at most.
public struct MerkleFrontier: Hashable, Sendable {
  public private(set) var size: TreeSize
  private(set) var peaks: [Digest256]

  public init() { self.init(size: 0, peaks: []) }

  init(size: TreeSize, peaks: [Digest256]) {
    precondition(size.count.nonzeroBitCount == peaks.count, "every one-bit has its subtree")
    (self.size, self.peaks) = (size, peaks)
  }

  public mutating func append(_ leaf: Digest256, using hasher: inout TreeHasher) {
    precondition(size.count < .max, "no tree has more leaves")
    var subtree = leaf
    for _ in 0..<(~size.count).trailingZeroBitCount {
      subtree = hasher.node(peaks.removeLast(), subtree)
    }
    peaks.append(subtree)
    size = TreeSize(size.count + 1)
  }

  public mutating func append(_ leaves: [Digest256], using hasher: inout TreeHasher) {
    for leaf in leaves { append(leaf, using: &hasher) }
  }

  public func root(using hasher: inout TreeHasher) -> Digest256 {
    guard var root = peaks.last else { return .emptyTree }
    for peak in peaks.dropLast().reversed() { root = hasher.node(peak, root) }
    return root
  }
}

extension Digest256 {
  /// The root of a tree without leaves: SHA-256 of nothing.
  public static let emptyTree = Digest256(
    0xE3B0_C442_98FC_1C14, 0x9AFB_F4C8_996F_B924, 0x27AE_41E4_649B_934C, 0xA495_991B_7852_B855)
}
