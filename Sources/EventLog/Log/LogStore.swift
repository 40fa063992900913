internal import Evidence
internal import LMDB
internal import QuotaModel

/// The open environment of a log and its tables.
struct LogStore: Sendable {
  static let eventsName = "events"
  static let tableNames = [eventsName, "meta"]

  let environment: Environment
  let events: Table
  let meta: Table
  /// nil where the log is only read, and no program that keeps a tree has written it yet.
  let tree: TreeTables?

  init(path: String, mode: LMDBLog.Mode) throws(LMDBError) {
    environment = try Self.environment(path, mode)
    events = try environment.table(Self.eventsName)
    meta = try environment.table("meta")
    tree = try? TreeTables(in: environment)
    if mode == .appending { try environment.clearDeadReaders() }
  }

  private static func environment(
    _ path: String, _ mode: LMDBLog.Mode
  ) throws(LMDBError) -> Environment {
    var options = Environment.Options(
      durability: .synced, isReadOnly: mode == .reading, tables: tableNames + TreeTables.names)
    do {
      return try Environment(path: path, options: options)
    } catch {
      guard case .noSuchTable(let name) = error, TreeTables.names.contains(name) else {
        throw error
      }
      options.tables = tableNames
      return try Environment(path: path, options: options)
    }
  }

  func identityEntry() throws(LMDBError) -> [UInt8]? {
    try metaEntry(IdentityEntry.key)
  }

  func metaEntry(_ key: [UInt8]) throws(LMDBError) -> [UInt8]? {
    let transaction = try environment.beginRead()
    guard let entry = try transaction.get(key.rawBytes, in: meta) else { return nil }
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

  /// Appends the chunks of `segment`, and what they change of the tree, if the log ends where the segment
  /// begins; answers where it ended.
  ///
  /// Throws `corrupted` where the last entry is no chunk: nobody could read what is put behind it.
  func append(
    _ segment: Segment, _ growth: TreeGrowth, _ names: NameTally?
  ) throws(LMDBError) -> Position {
    try environment.growAhead()
    var transaction = try environment.beginWrite()
    let head = try lastPosition(in: transaction)
    guard head == segment.head else {
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
    try tree?.store(growth, in: &transaction)
    if let names { try put(names, in: &transaction) }
    try transaction.commit()
    return head
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
