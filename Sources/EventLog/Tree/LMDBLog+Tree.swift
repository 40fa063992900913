internal import Evidence
internal import LMDB
internal import QuotaModel
internal import Synchronization

extension LMDBLog {
  /// Tiles that are stored together where a log has none yet.
  private static let tilesPerCommit: UInt64 = 256

  /// Brings the tree up to the head, where a program that keeps none has appended, and checks that it
  /// ends where the records do. Only in a log that is open for appending.
  ///
  /// It costs about half a microsecond for each record that the tree lacks: none as a rule.
  public func openTree(progress: ((UInt64, UInt64) -> Void)? = nil) throws(LogFailure) {
    try edge.withLock { (edge) throws(LogFailure) in
      if edge.tree == nil { edge.tree = try treeOfRecords(progress: progress) }
    }
  }

  /// Makes the tree anew from the records, and forgets checkpoints of more than there are: for a log that
  /// has lost its end for good.
  public func rebuildTree(progress: ((UInt64, UInt64) -> Void)? = nil) throws(LogFailure) {
    try edge.withLock { (edge) throws(LogFailure) in
      do throws(LMDBError) {
        let size = TreeSize(try store.head().rawValue)
        var transaction = try store.environment.beginWrite()
        try store.tree?.removeAll(behind: size, in: &transaction)
        try transaction.commit()
      } catch {
        throw LogFailure(error, path: path)
      }
      edge.tree = try treeOfRecords(progress: progress)
    }
  }

  /// The tree over all records, from the stored tiles and the records behind them.
  func treeOfRecords(
    progress: ((UInt64, UInt64) -> Void)? = nil
  ) throws(LogFailure) -> TiledTree {
    let head = try head()
    var hasher = TreeHasher()
    var tree = try storedTree(head, &hasher)
    let end = head.rawValue / UInt64(TileID.fullWidth)
    while tree.size.count / UInt64(TileID.fullWidth) < end {
      try storeTiles(of: &tree, upTo: end, &hasher)
      progress?(tree.size.count, head.rawValue)
    }
    let rest = try leafHashes(from: tree.size, count: Int(head.rawValue - tree.size.count))
    _ = tree.append(rest, using: &hasher)
    return tree
  }

  /// Whether a tree is kept; false only in a log that was never appended to by a program that does.
  var hasTree: Bool { store.tree != nil }

  /// How many records the stored full tiles are about.
  func storedTreeSize() throws(LogFailure) -> TreeSize {
    let tileCount = try readingTree { (transaction, tree) throws(LMDBError) in
      try tree.tileCount(in: transaction)
    }
    let (count, isTooMany) = tileCount.multipliedReportingOverflow(by: UInt64(TileID.fullWidth))
    return TreeSize(isTooMany ? .max : count)
  }

  /// The tree as far as it is stored.
  private func storedTree(
    _ head: Position, _ hasher: inout TreeHasher
  ) throws(LogFailure) -> TiledTree {
    let size = try storedTreeSize()
    guard size.count <= head.rawValue else {
      throw .treeDiffers(.recordsMissing(head: head, tree: size))
    }
    do throws(TileFailure<LogFailure>) {
      return try TiledTree(size: size) { (id) throws(LogFailure) in
        try storedHashes(of: id)
      }
    } catch {
      throw LogFailure(error)
    }
  }

  private func storeTiles(
    of tree: inout TiledTree, upTo end: UInt64, _ hasher: inout TreeHasher
  ) throws(LogFailure) {
    let old = tree.size
    let start = old.count / UInt64(TileID.fullWidth)
    let count = min(end - start, Self.tilesPerCommit) * UInt64(TileID.fullWidth)
    let leaves = try leafHashes(from: old, count: Int(count))
    let growth = TreeGrowth(old: old, tiles: tree.append(leaves, using: &hasher))
    do throws(LMDBError) {
      try store.environment.growAhead()
      var transaction = try store.environment.beginWrite()
      try store.tree?.store(growth, in: &transaction)
      try transaction.commit()
    } catch {
      throw LogFailure(error, path: path)
    }
  }

  /// Hashes of records, as leaves.
  func leafHashes(from size: TreeSize, count: Int) throws(LogFailure) -> [Digest256] {
    guard count > 0 else { return [] }
    var hasher = TreeHasher()
    var leaves: [Digest256] = []
    leaves.reserveCapacity(count)
    try scan(after: Position(size.count)) { record in
      leaves.append(hasher.leaf(record.bytes))
      return leaves.count < count ? .proceed : .stop
    }
    return leaves
  }

  /// The hashes of a tile as they are stored.
  func storedHashes(of id: TileID) throws(LogFailure) -> [UInt8] {
    try readingTree { (transaction, tree) throws(LMDBError) in
      try tree.hashes(ofTileAt: id.level, id.index, in: transaction)
    }
  }

  func readingTree<Result>(
    _ body: (borrowing ReadTransaction, TreeTables) throws(LMDBError) -> Result
  ) throws(LogFailure) -> Result {
    guard let tree = store.tree else { throw .noTree(path: path) }
    do throws(LMDBError) {
      return try body(try store.environment.beginRead(), tree)
    } catch {
      throw LogFailure(error, path: path)
    }
  }
}

extension LogFailure {
  init(_ failure: TileFailure<LogFailure>) {
    self =
      switch failure {
      case .reading(let failure): failure
      case .wrongLength(let id, byteCount: _): .treeDiffers(.tileMissing(id))
      }
  }
}
