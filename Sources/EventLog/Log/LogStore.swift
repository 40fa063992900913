internal import LMDB
internal import QuotaModel

/// The open environment of a log and its tables.
struct LogStore: Sendable {
  static let eventsName = "events"
  static let tableNames = [eventsName, "meta"]

  var environment: Environment
  let events: Table
  let meta: Table

  init(path: String, mode: LMDBLog.Mode) throws(LMDBError) {
    environment = try Environment(
      path: path,
      options: Environment.Options(
        durability: .synced, isReadOnly: mode == .reading, tables: Self.tableNames))
    events = try environment.table(Self.eventsName)
    meta = try environment.table("meta")
    if mode == .appending { try environment.clearDeadReaders() }
  }

  func identityEntry() throws(LMDBError) -> [UInt8]? {
    let transaction = try environment.beginRead()
    let key = IdentityEntry.key
    guard let entry = try transaction.get(key.rawBytes, in: meta) else {
      return nil
    }
    return Array(copying: entry)
  }

  /// Stores `identity` in an environment that has none; answers whether it did.
  func insert(_ identity: LogIdentity) throws(LMDBError) -> Bool {
    var transaction = try environment.beginWrite()
    let key = IdentityEntry.key
    let entry = IdentityEntry.bytes(of: identity)
    let inserted = try transaction.insert(entry.rawBytes, under: key.rawBytes, in: meta)
    if inserted { try transaction.commit() } else { transaction.abort() }
    return inserted
  }

  /// The last position; throws `corrupted` where the last entry is no chunk.
  func head() throws(LMDBError) -> Position {
    let transaction = try environment.beginRead()
    var cursor = try transaction.cursor(in: events)
    return try Self.head(last: try cursor.last())
  }

  /// Appends the chunks of `segment` if the log ends at `expectedHead`; else answers where it ends.
  ///
  /// Throws `corrupted` where the last entry is no chunk: nobody could read what is put behind it.
  func append(_ segment: Segment, behind expectedHead: Position) throws(LMDBError) -> Position? {
    try environment.growAhead()
    var transaction = try environment.beginWrite()
    let head = try lastPosition(in: transaction)
    guard head == expectedHead else {
      transaction.abort()
      return head
    }
    var chunks = ChunkBuilder(segment)
    var chunk: [UInt8] = []
    chunk.reserveCapacity(Chunk.maximumByteCount)
    while let position = chunks.next(into: &chunk) {
      try transaction.append(
        chunk.rawBytes, under: Chunk.key(of: position).rawBytes, in: events)
    }
    try transaction.commit()
    return nil
  }

  func probe() throws(LMDBError) {
    var transaction = try environment.beginWrite()
    let key = Array("probe".utf8)
    try transaction.put(key.rawBytes, under: key.rawBytes, in: meta)
    try transaction.commit()
  }

  private func lastPosition(
    in transaction: borrowing WriteTransaction
  ) throws(LMDBError) -> Position {
    var cursor = try transaction.cursor(in: events)
    return try Self.head(last: try cursor.last())
  }

  private static func head(last: Entry?) throws(LMDBError) -> Position {
    guard let last else { return .zero }
    guard let first = Chunk.position(ofKey: last.key), let count = Chunk.count(in: last.value)
    else { throw .corrupted }
    let (end, overflow) = first.rawValue.addingReportingOverflow(UInt64(count))
    guard !overflow else { throw .corrupted }
    return Position(end - 1)
  }
}
