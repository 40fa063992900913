internal import Evidence
internal import LMDB
internal import QuotaModel

/// The tables that hold the Merkle tree over the records, and what was signed about it.
///
/// Only full tiles of leaf hashes are stored: what is behind the last one follows from the records
/// themselves, so that most commits touch no page of the tree. Unfinished tiles of the levels above are
/// stored, because they change only with every 256th record.
///
/// A tile lies in 16 pieces of 16 hashes, for LMDB would look for contiguous free pages otherwise.
struct TreeTables: Sendable {
  static let names = ["tiles", "nodes", "checkpoints"]
  private static let hashesPerPiece = 16
  private static let piecesPerTile = TileID.fullWidth / hashesPerPiece

  /// Index and piece, big-endian → hashes of leaves.
  let tiles: Table
  /// Level, index and piece → hashes of nodes.
  let nodes: Table
  /// Size of the tree, big-endian → a signed note.
  let checkpoints: Table

  init(in environment: Environment) throws(LMDBError) {
    tiles = try environment.table("tiles")
    nodes = try environment.table("nodes")
    checkpoints = try environment.table("checkpoints")
  }

  /// Stores the full tiles of leaf hashes, and of the levels above whatever changed.
  func store(
    _ growth: TreeGrowth, in transaction: inout WriteTransaction
  ) throws(LMDBError) {
    for tile in growth.tiles where tile.id.level > 0 || !tile.id.isPartial {
      try store(tile, from: growth.firstChange(in: tile.id), in: &transaction)
    }
  }

  private func store(
    _ tile: Tile, from hash: Int, in transaction: inout WriteTransaction
  ) throws(LMDBError) {
    let bytes = tile.bytes
    for piece in (hash / Self.hashesPerPiece)..<Self.piecesPerTile {
      let start = piece * Self.hashesPerPiece * Digest256.byteCount
      guard start < bytes.count else { return }
      let end = min(start + Self.hashesPerPiece * Digest256.byteCount, bytes.count)
      let value = bytes.rawBytes.extracting(start..<end)
      let key = Self.key(of: tile.id, piece: piece)
      if tile.id.level == 0 {
        try transaction.append(value, under: key.rawBytes, in: tiles)
      } else {
        try transaction.put(value, under: key.rawBytes, in: nodes)
      }
    }
  }

  /// The stored hashes of a tile, as many as there are: none, or all of them, for a tile of leaves.
  func hashes(
    ofTileAt level: Int, _ index: UInt64, in transaction: borrowing ReadTransaction
  ) throws(LMDBError) -> [UInt8] {
    var bytes: [UInt8] = []
    let id = TileID(level: level, index: index)
    var cursor = try transaction.cursor(in: level == 0 ? tiles : nodes)
    let first = Self.key(of: id, piece: 0)
    var entry = try cursor.seek(first.rawBytes)
    for piece in 0..<Self.piecesPerTile {
      let key = Self.key(of: id, piece: piece)
      guard let found = entry, Array(copying: found.key) == key else { break }
      unsafe found.value.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
      entry = try cursor.next()
    }
    return bytes
  }

  /// How many full tiles of leaf hashes there are.
  func tileCount(in transaction: borrowing ReadTransaction) throws(LMDBError) -> UInt64 {
    var cursor = try transaction.cursor(in: tiles)
    guard let last = try cursor.last() else { return 0 }
    guard last.key.byteCount == 9, Int(last.key.byte(at: 8)) == Self.piecesPerTile - 1,
      last.key.word(at: 0).byteSwapped < .max
    else { throw .corrupted }
    return last.key.word(at: 0).byteSwapped + 1
  }

  /// Forgets the tree, and what was signed about more than `size` records.
  func removeAll(
    behind size: TreeSize, in transaction: inout WriteTransaction
  ) throws(LMDBError) {
    try transaction.removeAll(from: tiles)
    try transaction.removeAll(from: nodes)
    while let last = try lastCheckpointSize(in: transaction), last > size {
      try transaction.remove(Self.key(of: last).rawBytes, from: checkpoints)
    }
  }

  private func lastCheckpointSize(
    in transaction: borrowing WriteTransaction
  ) throws(LMDBError) -> TreeSize? {
    var cursor = try transaction.cursor(in: checkpoints)
    guard let last = try cursor.last() else { return nil }
    return try Self.size(ofKey: last.key)
  }

  static func key(of size: TreeSize) -> [UInt8] {
    var key: [UInt8] = []
    key.appendInteger(size.count.byteSwapped)
    return key
  }

  static func size(ofKey key: RawSpan) throws(LMDBError) -> TreeSize {
    guard key.byteCount == 8 else { throw .corrupted }
    return TreeSize(key.word(at: 0).byteSwapped)
  }

  private static func key(of id: TileID, piece: Int) -> [UInt8] {
    var key: [UInt8] = []
    key.reserveCapacity(10)
    if id.level > 0 { key.append(UInt8(id.level)) }
    key.appendInteger(id.index.byteSwapped)
    key.append(UInt8(piece))
    return key
  }
}

/// What records add to the tree.
struct TreeGrowth {
  /// The size before.
  let old: TreeSize
  /// Each tile that is new or wider, as it is afterwards.
  let tiles: [Tile]

  /// The first hash of a tile that is not stored yet.
  func firstChange(in id: TileID) -> Int {
    guard id.level > 0 else { return 0 }
    let before = old.count >> UInt64(8 * id.level)
    let start = id.index * UInt64(TileID.fullWidth)
    return before > start ? Int(before - start) : 0
  }
}
