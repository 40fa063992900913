public import Evidence
internal import LMDB
internal import QuotaModel

/// A signed checkpoint as a log keeps it.
public struct StoredCheckpoint: Hashable, Sendable {
  /// The size that it is stored under.
  public let size: TreeSize
  /// The signed note.
  public let bytes: [UInt8]

  public init(size: TreeSize, bytes: [UInt8]) {
    self.size = size
    self.bytes = bytes
  }
}

extension LMDBLog {
  private static let originKey = Array("origin".utf8)

  /// What the log is called in its checkpoints; nil until it was given a name.
  public func origin() throws(LogFailure) -> String? {
    do throws(LMDBError) {
      return try store.metaEntry(Self.originKey).map { String(decoding: $0, as: UTF8.self) }
    } catch {
      throw LogFailure(error, path: path)
    }
  }

  /// Names a log that has no name yet; answers whether it had none.
  @discardableResult
  public func setOrigin(_ origin: String) throws(LogFailure) -> Bool {
    do throws(LMDBError) {
      // Nothing has to be written where the disk has no room to.
      if try store.metaEntry(Self.originKey) != nil { return false }
      var transaction = try store.environment.beginWrite()
      let isNew = try transaction.insert(
        Array(origin.utf8).rawBytes, under: Self.originKey.rawBytes, in: store.meta)
      if isNew { try transaction.commit() } else { transaction.abort() }
      return isNew
    } catch {
      throw LogFailure(error, path: path)
    }
  }

  /// Keeps a signed checkpoint, durably. Only the thread that appends may.
  public func store(_ checkpoint: StoredCheckpoint) throws(LogFailure) {
    guard let tree = store.tree else { throw .noTree(path: path) }
    do throws(LMDBError) {
      var transaction = try store.environment.beginWrite()
      let key = TreeTables.key(of: checkpoint.size)
      try transaction.put(
        checkpoint.bytes.rawBytes, under: key.rawBytes, in: tree.checkpoints)
      try transaction.commit()
    } catch {
      throw LogFailure(error, path: path)
    }
  }

  /// The checkpoint of the largest size; nil where none was kept.
  public func latestCheckpoint() throws(LogFailure) -> StoredCheckpoint? {
    try readingTree { (transaction, tree) throws(LMDBError) in
      var cursor = try transaction.cursor(in: tree.checkpoints)
      guard let last = try cursor.last() else { return nil }
      return try StoredCheckpoint(last)
    }
  }

  /// The first checkpoint of `size` records or more; nil where there is none.
  public func checkpoint(from size: TreeSize) throws(LogFailure) -> StoredCheckpoint? {
    try readingTree { (transaction, tree) throws(LMDBError) in
      var cursor = try transaction.cursor(in: tree.checkpoints)
      guard let found = try cursor.seek(TreeTables.key(of: size).rawBytes) else { return nil }
      return try StoredCheckpoint(found)
    }
  }

  public func checkpointCount() throws(LogFailure) -> Int {
    try readingTree { (transaction, tree) throws(LMDBError) in
      try transaction.count(of: tree.checkpoints)
    }
  }
}

extension StoredCheckpoint {
  public init(_ note: SignedNote, size: TreeSize) {
    self.init(size: size, bytes: Array(note.string.utf8))
  }

  fileprivate init(_ entry: Entry) throws(LMDBError) {
    self.init(size: try TreeTables.size(ofKey: entry.key), bytes: Array(copying: entry.value))
  }
}
