/// The right edge of a tree that is kept in tiles: takes leaves, gives the tiles that change.
///
/// It holds the unfinished tile of each level, at most 255 hashes each. A node is hashed only when
/// its tile is full, so appending costs one hash a leaf, in bursts of 255.
public struct TiledTree: Hashable, Sendable {
  public private(set) var size: TreeSize
  /// The hashes of the unfinished tile of each level, level 0 first.
  private var edge: [[Digest256]]

  public init() { (size, edge) = (0, []) }

  /// The tree that has `size` leaves and whose unfinished tiles `read` gives.
  public init<Failure: Error>(
    size: TreeSize, reading read: (TileID) throws(Failure) -> [UInt8]
  ) throws(TileFailure<Failure>) {
    var edge: [[Digest256]] = []
    while size.count >> UInt64(8 * edge.count) > 0 {
      let (level, hashes) = (edge.count, size.count >> UInt64(8 * edge.count))
      let id = TileID(level: level, index: hashes / 256, in: size)
      try edge.append(id?.hashes(from: read) ?? [])
    }
    (self.size, self.edge) = (size, edge)
  }

  /// Appends leaf hashes and returns each tile that is new or wider, as it is afterwards.
  public mutating func append(
    _ leaves: [Digest256], using hasher: inout TreeHasher
  ) -> [Tile] {
    var changed: [Tile] = []
    var changedLevels = 0
    for leaf in leaves {
      precondition(size.count < .max, "no tree has more leaves")
      size = TreeSize(size.count + 1)
      let levels = push(leaf, finishing: &changed, using: &hasher)
      changedLevels = max(changedLevels, levels)
    }
    for level in 0..<changedLevels where !edge[level].isEmpty {
      let index = size.count >> UInt64(8 * (level + 1))
      changed.append(Tile(level: level, index: index, hashes: edge[level]))
    }
    return changed
  }

  /// The number of levels that got a hash.
  private mutating func push(
    _ leaf: Digest256, finishing finished: inout [Tile], using hasher: inout TreeHasher
  ) -> Int {
    var hash = leaf
    var level = 0
    while true {
      if level == edge.count { edge.append([]) }
      edge[level].append(hash)
      guard edge[level].count == TileID.fullWidth else { return level + 1 }
      let index = size.count >> UInt64(8 * (level + 1)) - 1
      finished.append(Tile(level: level, index: index, hashes: edge[level]))
      hash = hasher.root(ofComplete: edge[level][...])
      edge[level] = []
      level += 1
    }
  }

  public func frontier(using hasher: inout TreeHasher) -> MerkleFrontier {
    var peaks: [Digest256] = []
    for hashes in edge.reversed() {
      var rest = hashes[...]
      while !rest.isEmpty {
        let width = 1 << (Int.bitWidth - 1 - rest.count.leadingZeroBitCount)
        peaks.append(hasher.root(ofComplete: rest.prefix(width)))
        rest = rest.dropFirst(width)
      }
    }
    return MerkleFrontier(size: size, peaks: peaks)
  }

  public func root(using hasher: inout TreeHasher) -> Digest256 {
    frontier(using: &hasher).root(using: &hasher)
  }
}

extension TreeHasher {
  /// The root over as many hashes as a power of two says.
  mutating func root(ofComplete hashes: ArraySlice<Digest256>) -> Digest256 {
    precondition(hashes.count.nonzeroBitCount == 1, "a complete tree has 1, 2, 4, … leaves")
    var row = Array(hashes)
    while row.count > 1 {
      for place in 0..<row.count / 2 { row[place] = node(row[2 * place], row[2 * place + 1]) }
      row.removeLast(row.count / 2)
    }
    return row[0]
  }
}
