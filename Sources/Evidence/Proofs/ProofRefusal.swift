/// Why a proof does not prove.
public enum ProofRefusal: Error, Hashable, Sendable {
  /// A tree of this size has no such leaf.
  case noSuchLeaf(LeafIndex, size: TreeSize)
  /// The tree that should be the older one is larger.
  case sizesInWrongOrder(old: TreeSize, new: TreeSize)
  /// A proof for these sizes has another number of hashes.
  case wrongLength(expected: Int, found: Int)
  /// The proof leads to another root than that of the tree.
  case rootDiffers(computed: Digest256)
  /// The proof leads to another root than that of the older tree.
  case oldRootDiffers(computed: Digest256)
}

extension ProofRefusal: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSuchLeaf(let index, let size): "a tree of \(size) leaves has no leaf \(index)"
    case .sizesInWrongOrder(let old, let new):
      "a tree of \(old) leaves is not older than one of \(new)"
    case .wrongLength(let expected, let found):
      "the proof has \(found) hashes where \(expected) are needed"
    case .rootDiffers(let computed): "the proof leads to the root \(computed), not the tree's"
    case .oldRootDiffers(let computed):
      "the proof leads to the root \(computed), not the older tree's"
    }
  }
}
