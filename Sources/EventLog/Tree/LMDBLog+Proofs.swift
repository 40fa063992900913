public import Evidence
internal import LMDB
public import QuotaModel

/// Why nothing can be proved.
public enum ProofRefused: Error, Hashable, Sendable {
  /// The log has fewer records than asked about.
  case beyondEnd(size: TreeSize)
  /// A tree of that size does not have the record yet.
  case notInTree(Position, size: TreeSize)
  /// The tree that should be the older one is larger.
  case sizesInWrongOrder(old: TreeSize, new: TreeSize)
  case log(LogFailure)
}

/// What can be shown about the records. Position 1 is leaf 0 of the tree.
extension LMDBLog {
  /// Shows that a record is in the tree over the first `size` ones.
  public func inclusionProof(
    of position: Position, in size: TreeSize
  ) throws(ProofRefused) -> InclusionProof {
    try requireRecords(size)
    guard position > .zero, position.rawValue <= size.count else {
      throw .notInTree(position, size: size)
    }
    var hasher = TreeHasher()
    do throws(ProofFailure<LogFailure>) {
      return try InclusionProof(
        index: LeafIndex(position.rawValue - 1), size: size, using: &hasher, reading: hashes)
    } catch {
      throw ProofRefused(error)
    }
  }

  /// Shows that the tree over the first `new` records begins with that over the first `old` ones.
  public func consistencyProof(
    from old: TreeSize, to new: TreeSize
  ) throws(ProofRefused) -> ConsistencyProof {
    guard old <= new else { throw .sizesInWrongOrder(old: old, new: new) }
    try requireRecords(new)
    var hasher = TreeHasher()
    do throws(ProofFailure<LogFailure>) {
      return try ConsistencyProof(oldSize: old, newSize: new, using: &hasher, reading: hashes)
    } catch {
      throw ProofRefused(error)
    }
  }

  /// The root of the tree over the first `size` records.
  public func root(of size: TreeSize) throws(ProofRefused) -> Digest256 {
    var hasher = TreeHasher()
    return try frontier(of: size).root(using: &hasher)
  }

  /// What it takes to go on from the first `size` records to the root of any larger tree.
  public func frontier(of size: TreeSize) throws(ProofRefused) -> MerkleFrontier {
    try requireRecords(size)
    var hasher = TreeHasher()
    do throws(TileFailure<LogFailure>) {
      return try TiledTree(size: size, reading: hashes).frontier(using: &hasher)
    } catch {
      throw .log(LogFailure(error))
    }
  }

  /// The hashes of a tile in exactly the width asked for; nil where the log has not so many records.
  public func tile(_ id: TileID) throws(LogFailure) -> [UInt8]? {
    let head = TreeSize(try head().rawValue)
    guard let most = TileID(level: id.level, index: id.index, in: head), id.width <= most.width
    else { return nil }
    let bytes = try hashes(of: id)
    guard bytes.count >= id.byteCount else { throw .treeDiffers(.tileMissing(id)) }
    return Array(bytes.prefix(id.byteCount))
  }

  /// The records that a tile of leaf hashes is about, each behind its length in two bytes, big-endian
  /// (`tlog-tiles`, entry bundles); nil where the log has not so many.
  public func entries(index: UInt64, width: Int) throws(LogFailure) -> [UInt8]? {
    let head = TreeSize(try head().rawValue)
    guard let most = TileID(level: 0, index: index, in: head), width <= most.width else {
      return nil
    }
    var bytes: [UInt8] = []
    var count = 0
    try scan(after: Position(index * UInt64(TileID.fullWidth))) { record in
      bytes.appendInteger(UInt16(record.bytes.byteCount).byteSwapped)
      unsafe record.bytes.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
      count += 1
      return count < width ? .proceed : .stop
    }
    return bytes
  }

  /// The stored bytes of a record; nil past the head.
  public func record(at position: Position) throws(LogFailure) -> [UInt8]? {
    guard position > .zero else { return nil }
    var bytes: [UInt8]?
    try scan(after: Position(position.rawValue - 1)) { record in
      bytes = Array(copying: record.bytes)
      return .stop
    }
    return bytes
  }

  /// The hash of a record, as a leaf of the tree.
  public func leafHash(of position: Position) throws(ProofRefused) -> Digest256 {
    let size = TreeSize(position.rawValue)
    guard size.count > 0 else { throw .notInTree(position, size: size) }
    try requireRecords(size)
    do throws(LogFailure) {
      let leaf = try leafHashes(from: TreeSize(size.count - 1), count: 1).first
      guard let leaf else { throw .damaged(at: position, .missing) }
      return leaf
    } catch {
      throw .log(error)
    }
  }

  private func requireRecords(_ size: TreeSize) throws(ProofRefused) {
    let head: Position
    do { head = try self.head() } catch { throw .log(error) }
    guard size.count <= head.rawValue else { throw .beyondEnd(size: TreeSize(head.rawValue)) }
  }

  /// The hashes of a tile: as they are stored, or else of the records.
  private func hashes(of id: TileID) throws(LogFailure) -> [UInt8] {
    let stored = try storedHashes(of: id)
    if id.level > 0 || stored.count >= id.byteCount { return stored }
    let start = TreeSize(id.index * UInt64(TileID.fullWidth))
    return [UInt8](concatenating: try leafHashes(from: start, count: id.width))
  }
}

extension ProofRefused {
  fileprivate init(_ failure: ProofFailure<LogFailure>) {
    self =
      switch failure {
      case .noSuchLeaf(let index, let size):
        .notInTree(Position(index.number + 1), size: size)
      case .sizesInWrongOrder(let old, let new): .sizesInWrongOrder(old: old, new: new)
      case .tile(let failure): .log(LogFailure(failure))
      }
  }
}

extension ProofRefused: CustomStringConvertible {
  public var description: String {
    switch self {
    case .beyondEnd(let size): "that is more than there is: the log has \(size) records"
    case .notInTree(let position, let size):
      "a tree of \(size) records does not have position \(position)"
    case .sizesInWrongOrder(let old, let new):
      "a tree of \(old) records is not older than one of \(new)"
    case .log(let failure): failure.description
    }
  }
}

extension Event {
  /// The hash of the record that the event is stored as, as a leaf of the tree.
  public var leafHash: Digest256 {
    var records = RecordBatch()
    records.append(self)
    var hasher = TreeHasher()
    return hasher.leaf(records.bytes.rawBytes)
  }
}
