/// Shows that a leaf is in a tree: the hashes beside its way to the root (RFC 9162, 2.1.3).
public struct InclusionProof: Hashable, Sendable {
  public let index: LeafIndex
  public let size: TreeSize
  /// The hash nearest the leaf first.
  public let path: [Digest256]

  public init(index: LeafIndex, size: TreeSize, path: [Digest256]) {
    (self.index, self.size, self.path) = (index, size, path)
  }
}

/// Why a proof cannot be made.
public enum ProofFailure<ReaderFailure: Error>: Error {
  /// A tree of this size has no such leaf.
  case noSuchLeaf(LeafIndex, size: TreeSize)
  /// The tree that should be the older one is larger.
  case sizesInWrongOrder(old: TreeSize, new: TreeSize)
  case tile(TileFailure<ReaderFailure>)
}

extension ProofFailure: Equatable where ReaderFailure: Equatable {}

extension ProofFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSuchLeaf(let index, let size): "a tree of \(size) leaves has no leaf \(index)"
    case .sizesInWrongOrder(let old, let new):
      "a tree of \(old) leaves is not older than one of \(new)"
    case .tile(let failure): failure.description
    }
  }
}

extension InclusionProof {
  /// Computes the proof from the tiles that `read` gives; the tree must have grown to `size`.
  public init<Failure: Error>(
    index: LeafIndex, size: TreeSize, using hasher: inout TreeHasher,
    reading read: (TileID) throws(Failure) -> [UInt8]
  ) throws(ProofFailure<Failure>) {
    guard index.number < size.count else { throw .noSuchLeaf(index, size: size) }
    var hashes = TileHashes(size: size)
    var path: [Digest256] = []
    do {
      for range in Self.siblings(of: index.number, in: 0..<size.count).reversed() {
        try path.append(hashes.root(over: range, using: &hasher, reading: read))
      }
    } catch {
      throw .tile(error)
    }
    self.init(index: index, size: size, path: path)
  }

  /// The subtrees beside the way from the root to the leaf, the largest first.
  private static func siblings(of index: UInt64, in tree: Range<UInt64>) -> [Range<UInt64>] {
    var (tree, siblings) = (tree, [Range<UInt64>]())
    while tree.upperBound - tree.lowerBound > 1 {
      let middle = tree.split
      let (left, right) = (tree.lowerBound..<middle, middle..<tree.upperBound)
      siblings.append(index < middle ? right : left)
      tree = index < middle ? left : right
    }
    return siblings
  }
}

extension Range<UInt64> {
  /// Where RFC 6962 splits the tree over more than one leaf: the left part has as many leaves as
  /// the largest power of two that leaves something for the right one.
  var split: UInt64 {
    lowerBound + (1 << UInt64(63 - (upperBound - lowerBound - 1).leadingZeroBitCount))
  }
}
