/// Hashes of subtrees of a tree of one size, from its tiles; every tile is read once.
struct TileHashes {
  let size: TreeSize
  private var tiles: [TileID: [Digest256]] = [:]

  init(size: TreeSize) { self.size = size }

  /// The hash over the leaves of `range`, as RFC 6962 defines it for any of its subtrees.
  mutating func root<Failure: Error>(
    over range: Range<UInt64>, using hasher: inout TreeHasher,
    reading read: (TileID) throws(Failure) -> [UInt8]
  ) throws(TileFailure<Failure>) -> Digest256 {
    var end = range.upperBound
    var root: Digest256?
    while end > range.lowerBound {
      let height = (end - range.lowerBound).trailingZeroBitCount
      end -= 1 << UInt64(height)
      let peak = try completeRoot(
        height: height, index: end >> UInt64(height), using: &hasher, reading: read)
      if let right = root { root = hasher.node(peak, right) } else { root = peak }
    }
    return root ?? .emptyTree
  }

  /// The hash over the `index`-th run of 2 to the power of `height` leaves.
  private mutating func completeRoot<Failure: Error>(
    height: Int, index: UInt64, using hasher: inout TreeHasher,
    reading read: (TileID) throws(Failure) -> [UInt8]
  ) throws(TileFailure<Failure>) -> Digest256 {
    let (level, width) = (height / 8, 1 << (height % 8))
    let subtrees = UInt64(TileID.fullWidth / width)
    guard let id = TileID(level: level, index: index / subtrees, in: size) else {
      preconditionFailure("the subtree lies outside of the tree")
    }
    let start = Int(index % subtrees) * width
    let hashes: [Digest256]
    if let known = tiles[id] { hashes = known } else { hashes = try id.hashes(from: read) }
    tiles[id] = hashes
    return hasher.root(ofComplete: hashes[start..<start + width])
  }
}
