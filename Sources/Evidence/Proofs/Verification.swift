extension InclusionProof {
  /// Throws unless `leaf` is where the proof says in the tree with this root.
  public func verify(
    leaf: Digest256, root: Digest256, using hasher: inout TreeHasher
  ) throws(ProofRefusal) {
    guard index.number < size.count else { throw .noSuchLeaf(index, size: size) }
    let way = WayUp(from: index.number, size: size.count)
    guard path.count == way.length else {
      throw .wrongLength(expected: way.length, found: path.count)
    }
    let computed = way.climb(from: leaf, along: path[...], using: &hasher)
    guard computed == root else { throw .rootDiffers(computed: computed) }
  }
}

extension ConsistencyProof {
  /// Throws unless the tree with `newRoot` begins with the leaves of the one with `oldRoot`.
  public func verify(
    oldRoot: Digest256, newRoot: Digest256, using hasher: inout TreeHasher
  ) throws(ProofRefusal) {
    guard oldSize <= newSize else { throw .sizesInWrongOrder(old: oldSize, new: newSize) }
    guard oldSize.count > 0, oldSize < newSize else {
      return try verifyWithoutPath(oldRoot: oldRoot, newRoot: newRoot)
    }
    // The old tree's last complete subtree is where both trees begin to differ.
    let height = oldSize.count.trailingZeroBitCount
    let way = WayUp(from: oldSize.count - 1, size: newSize.count).above(height)
    let isWhole = oldSize.count == 1 << UInt64(height)
    let expected = way.length + (isWhole ? 0 : 1)
    guard path.count == expected else {
      throw .wrongLength(expected: expected, found: path.count)
    }
    let (start, rest) = isWhole ? (oldRoot, path[...]) : (path[0], path[1...])
    let computedOld = way.climbLeft(from: start, along: rest, using: &hasher)
    guard computedOld == oldRoot else { throw .oldRootDiffers(computed: computedOld) }
    let computed = way.climb(from: start, along: rest, using: &hasher)
    guard computed == newRoot else { throw .rootDiffers(computed: computed) }
  }

  private func verifyWithoutPath(oldRoot: Digest256, newRoot: Digest256) throws(ProofRefusal) {
    guard path.isEmpty else { throw .wrongLength(expected: 0, found: path.count) }
    let expected = oldSize == newSize ? newRoot : .emptyTree
    guard oldRoot == expected else { throw .oldRootDiffers(computed: expected) }
    guard newSize.count > 0 || newRoot == .emptyTree else {
      throw .rootDiffers(computed: .emptyTree)
    }
  }
}

/// The way from a node to the root of a tree.
///
/// Below the point where the tree's right edge joins it, siblings lie on either side as the bits of
/// the node's index say; from there on the way is the right edge, and all siblings lie to the left.
private struct WayUp {
  let index: UInt64
  let inner: Int
  let border: Int

  init(index: UInt64, inner: Int, border: Int) {
    (self.index, self.inner, self.border) = (index, inner, border)
  }

  init(from index: UInt64, size: UInt64) {
    let inner = 64 - (index ^ (size - 1)).leadingZeroBitCount
    self.init(index: index, inner: inner, border: (index >> UInt64(inner)).nonzeroBitCount)
  }

  var length: Int { inner + border }

  /// The rest of the way from `height` on.
  func above(_ height: Int) -> WayUp {
    WayUp(index: index >> UInt64(height), inner: inner - height, border: border)
  }

  func climb(
    from start: Digest256, along path: ArraySlice<Digest256>, using hasher: inout TreeHasher
  ) -> Digest256 {
    var hash = start
    for (step, sibling) in path.enumerated() {
      let isRight = step >= inner || index >> UInt64(step) & 1 == 1
      hash = isRight ? hasher.node(sibling, hash) : hasher.node(hash, sibling)
    }
    return hash
  }

  /// The same way in the tree that ends with this node: it has the siblings to the left only.
  func climbLeft(
    from start: Digest256, along path: ArraySlice<Digest256>, using hasher: inout TreeHasher
  ) -> Digest256 {
    var hash = start
    for (step, sibling) in path.enumerated()
    where step >= inner || index >> UInt64(step) & 1 == 1 {
      hash = hasher.node(sibling, hash)
    }
    return hash
  }
}
