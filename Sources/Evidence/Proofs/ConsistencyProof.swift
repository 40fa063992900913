/// Shows that a tree begins with all leaves of an older one (RFC 9162, 2.1.4).
public struct ConsistencyProof: Hashable, Sendable {
  public let oldSize: TreeSize
  public let newSize: TreeSize
  /// Empty where the sizes are equal and where the old tree has no leaf.
  public let path: [Digest256]

  public init(oldSize: TreeSize, newSize: TreeSize, path: [Digest256]) {
    (self.oldSize, self.newSize, self.path) = (oldSize, newSize, path)
  }
}

extension ConsistencyProof {
  /// Computes the proof from the tiles that `read` gives; the tree must have grown to `newSize`.
  public init<Failure: Error>(
    oldSize: TreeSize, newSize: TreeSize, using hasher: inout TreeHasher,
    reading read: (TileID) throws(Failure) -> [UInt8]
  ) throws(ProofFailure<Failure>) {
    guard oldSize <= newSize else {
      throw .sizesInWrongOrder(old: oldSize, new: newSize)
    }
    var hashes = TileHashes(size: newSize)
    var path: [Digest256] = []
    do {
      for range in Self.ranges(old: oldSize.count, new: newSize.count) {
        try path.append(hashes.root(over: range, using: &hasher, reading: read))
      }
    } catch {
      throw .tile(error)
    }
    self.init(oldSize: oldSize, newSize: newSize, path: path)
  }

  /// The subtrees that both trees are made of, from the old tree's right end to the root.
  private static func ranges(old: UInt64, new: UInt64) -> [Range<UInt64>] {
    guard old > 0, old < new else { return [] }
    var (tree, ranges) = (0..<new, [Range<UInt64>]())
    while tree.upperBound > old {
      let middle = tree.split
      let (left, right) = (tree.lowerBound..<middle, middle..<tree.upperBound)
      ranges.append(old <= middle ? right : left)
      tree = old <= middle ? left : right
    }
    // Where the old tree is the whole left part, its root is known and not sent.
    if tree.lowerBound > 0 { ranges.append(tree) }
    return ranges.reversed()
  }
}
