public import Evidence
internal import LMDB
public import QuotaModel

/// Checks everything that a log says about itself: each record, the tree over all of them, and every
/// checkpoint that was signed.
///
/// Nothing that is stored beside the records is believed: leaves and nodes are hashed anew. Memory is that
/// of a few tiles, whatever the length of the log. A server may append meanwhile: what it adds is not
/// looked at.
public final class LogVerification {
  /// What was found to be right.
  public struct Report: Hashable, Sendable {
    public let head: Position
    public let root: Digest256
    /// Checkpoints in the log that were signed by a known key and state what the records have.
    public let checkpointCount: Int
    /// Whether the log has a stored tree, which was compared.
    public let hasTree: Bool
  }

  /// Records that are hashed before their tiles are compared.
  private static let recordsPerStep = 4096

  private let log: LMDBLog
  private let origin: String
  private let keys: [VerifyingKey]
  private let kept: [KeptCheckpoint]
  /// What those say that the log still has to bear out, the smallest size last.
  private var claims: [(kept: KeptCheckpoint, says: Checkpoint)] = []
  private var tree = TiledTree()
  private var leaves: [Digest256] = []
  /// Tiles above the leaves that are not full yet, by level.
  private var unfinished: [Int: Tile] = [:]
  /// The stored checkpoint that comes next.
  private var next: StoredCheckpoint?
  private var checkpointCount = 0

  /// - Parameters:
  ///   - keys: Whose signatures count. Without any, stored checkpoints are not looked at.
  ///   - kept: Checkpoints from elsewhere: the first records must have their roots.
  public init(
    of log: LMDBLog, origin: String, keys: [VerifyingKey], kept: [KeptCheckpoint] = []
  ) {
    self.log = log
    self.origin = origin
    self.keys = keys
    self.kept = kept
    leaves.reserveCapacity(Self.recordsPerStep)
  }

  /// Checks all records; throws at the first thing that is not as it should be.
  public func run(
    progress: ((UInt64, UInt64) -> Void)? = nil
  ) throws(LogFailure) -> Report {
    for kept in kept { claims.append((kept, try verified(kept))) }
    claims.sort { $0.says.size > $1.says.size }
    var hasher = TreeHasher()
    let head = try log.head()
    let hasTree = log.hasTree
    if hasTree { next = keys.isEmpty ? nil : try log.checkpoint(from: 0) }
    try checkStatements(&hasher)
    var last = Position.zero
    try log.scan(after: .zero) { (record) throws(LogFailure) in
      last = record.position
      try take(record, &hasher, hasTree)
      if last.rawValue.isMultiple(of: 65_536) { progress?(last.rawValue, head.rawValue) }
      return last < head ? .proceed : .stop
    }
    guard last == head else { throw .damaged(at: last.next, .missing) }
    try finish(&hasher, hasTree)
    progress?(head.rawValue, head.rawValue)
    return Report(
      head: head, root: tree.root(using: &hasher), checkpointCount: checkpointCount,
      hasTree: hasTree)
  }

  private func take(
    _ record: borrowing RecordView, _ hasher: inout TreeHasher, _ hasTree: Bool
  ) throws(LogFailure) {
    do throws(RecordDamage) { try record.checkContent() } catch {
      throw .damaged(at: record.position, error)
    }
    leaves.append(hasher.leaf(record.bytes))
    if leaves.count == Self.recordsPerStep || isStatementDue { try step(&hasher, hasTree) }
  }

  private var isStatementDue: Bool {
    let size = TreeSize(tree.size.count + UInt64(leaves.count))
    return next?.size == size || claims.last?.says.size == size
  }

  /// Adds the gathered leaves to the tree, and compares what that gives with what is stored.
  private func step(_ hasher: inout TreeHasher, _ hasTree: Bool) throws(LogFailure) {
    for tile in tree.append(leaves, using: &hasher) where hasTree {
      if !tile.id.isPartial {
        try compare(tile)
        unfinished[tile.id.level] = nil
      } else if tile.id.level > 0 {
        unfinished[tile.id.level] = tile
      }
    }
    leaves.removeAll(keepingCapacity: true)
    try checkStatements(&hasher)
  }

  private func finish(_ hasher: inout TreeHasher, _ hasTree: Bool) throws(LogFailure) {
    try step(&hasher, hasTree)
    for level in unfinished.keys.sorted() {
      if let tile = unfinished[level] { try compare(tile) }
    }
    // Whoever signed it saw more than was read here, and so has the log lost it.
    if let claim = claims.first { try check(claim.kept, claim.says, &hasher) }
    let head = try log.head()
    // Whatever is stored about more records than there are now, was lost.
    var stated = [next?.size].compactMap { $0 }
    if hasTree { stated.append(try log.storedTreeSize()) }
    if let most = stated.max(), most.count > head.rawValue {
      throw .treeDiffers(.recordsMissing(head: head, tree: most))
    }
  }

  private func compare(_ tile: Tile) throws(LogFailure) {
    let stored = try log.storedHashes(of: tile.id)
    let expected = tile.bytes
    guard stored.count >= expected.count else { throw .treeDiffers(.tileMissing(tile.id)) }
    let part = zip(stored, expected).enumerated().first { $0.element.0 != $0.element.1 }
    guard let part else { return }
    let hash = UInt64(part.offset / Digest256.byteCount)
    let place = tile.id.index * UInt64(TileID.fullWidth) + hash
    throw .treeDiffers(
      .tileDiffers(tile.id, record: Position(place << UInt64(8 * tile.id.level) + 1)))
  }

  /// Checks what is stated about exactly the records so far.
  private func checkStatements(_ hasher: inout TreeHasher) throws(LogFailure) {
    while let claim = claims.last, claim.says.size == tree.size {
      try check(claim.kept, claim.says, &hasher)
      claims.removeLast()
    }
    while let stored = next, stored.size == tree.size {
      let kept = KeptCheckpoint(stored)
      try check(kept, verified(kept), &hasher)
      checkpointCount += 1
      next = try log.checkpoint(from: TreeSize(stored.size.count + 1))
    }
  }

  private func verified(_ kept: KeptCheckpoint) throws(LogFailure) -> Checkpoint {
    try kept.verified(origin: origin, keys: keys).checkpoint
  }

  private func check(
    _ kept: KeptCheckpoint, _ says: Checkpoint, _ hasher: inout TreeHasher
  ) throws(LogFailure) {
    let fault = says.fault(inLogOf: tree.size) { tree.root(using: &hasher) }
    if let fault { throw .treeDiffers(.checkpoint(kept.place, fault)) }
  }
}
