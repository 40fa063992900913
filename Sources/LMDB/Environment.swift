internal import CLMDB
internal import Synchronization

/// One LMDB environment: a memory-mapped file of named tables with one writer and many readers.
///
/// A process may have an environment open once; a second attempt throws `alreadyOpen`. Readers
/// never wait for the writer. Never `fork` with an environment open.
public final class Environment: Sendable {
  /// How much a commit promises.
  public enum Durability: Sendable {
    /// A commit returns when its pages and its meta page are on the disk.
    case synced
    /// A commit returns when the kernel has the pages: it survives the process, not the machine.
    case unsynced
  }

  /// What an environment is opened with.
  public struct Options: Sendable {
    public var durability: Durability
    public var isReadOnly: Bool
    /// The tables to open; they are created when the environment is writable.
    public var tables: [String]
    /// Address space for the map, not memory and not disk.
    ///
    /// Growing it later would need every reader to stop, hence sparse and large from the start.
    public var mapByteCount: Int
    /// Slots for concurrent read transactions over all processes. Each costs 64 bytes.
    public var maximumReaderCount: UInt32
    /// Whether the unused part of a new page is zeros, and not what the process had there in memory.
    public var clearsNewPages: Bool

    public init(
      durability: Durability, isReadOnly: Bool = false, tables: [String],
      mapByteCount: Int = 1 << 40, maximumReaderCount: UInt32 = 1024,
      clearsNewPages: Bool = false
    ) {
      self.durability = durability
      self.isReadOnly = isReadOnly
      self.tables = tables
      self.mapByteCount = mapByteCount
      self.maximumReaderCount = maximumReaderCount
      self.clearsNewPages = clearsNewPages
    }
  }

  /// LMDB allows use from any thread (`MDB_NOTLS`); only write transactions bind to their thread.
  let handle: EnvironmentHandle
  private let tables: [String: Table]
  private let directory: OpenDirectory
  /// The file that holds everything.
  let dataPath: String

  private static let openDirectories = Mutex<Set<DirectoryIdentity>>([])

  /// Opens the environment in the existing directory `path`, and its tables.
  public init(path: String, options: Options) throws(LMDBError) {
    if let name = networkFileSystem(holding: path) { throw .networkFileSystem(name: name) }
    let directory = try OpenDirectory(path: path)
    guard Self.openDirectories.withLock({ $0.insert(directory.identity).inserted }) else {
      throw .alreadyOpen
    }
    do throws(LMDBError) {
      try Self.checkEdges(ofFileIn: path)
      let handle = try EnvironmentHandle(path: path, options: options)
      do throws(LMDBError) {
        tables = try handle.openTables(options.tables, create: !options.isReadOnly)
      } catch {
        handle.close()
        throw error
      }
      self.handle = handle
      self.directory = directory
      dataPath = path + "/data.mdb"
    } catch {
      Self.openDirectories.withLock { _ = $0.remove(directory.identity) }
      throw error
    }
  }

  /// Looks at the pages that LMDB is about to touch: on damaged ones it may crash.
  private static func checkEdges(ofFileIn path: String) throws(LMDBError) {
    do throws(PageCheckFailure) {
      try PageCheck.run(directory: path, extent: .edges)
    } catch {
      switch error {
      // No file yet, or one whose writer has just used these pages many times over.
      case .unreadable(.noSuchDirectory), .busy: return
      case .unreadable(let error): throw error
      case .damaged(let damage) where damage.isOfEmptyFile: return
      case .damaged(let damage): throw LMDBError(damage)
      }
    }
  }

  deinit {
    handle.close()
    Self.openDirectories.withLock { _ = $0.remove(directory.identity) }
  }

  /// The table opened under `name`.
  public func table(_ name: String) throws(LMDBError) -> Table {
    guard let table = tables[name] else { throw .noSuchTable(name: name) }
    return table
  }

  /// A consistent view of everything committed so far. Keep it short: pages that it can see are
  /// not reused while it lives.
  public func beginRead() throws(LMDBError) -> ReadTransaction {
    unsafe ReadTransaction(transaction: try handle.begin(readOnly: true), of: self)
  }

  /// The one write transaction; waits while another one is open, here or in another process.
  ///
  /// It must end on the thread that began it.
  @available(*, noasync)
  public func beginWrite() throws(LMDBError) -> WriteTransaction {
    unsafe WriteTransaction(transaction: try handle.begin(readOnly: false), of: self)
  }

  /// Brings everything committed to the disk, whatever the durability.
  public func sync() throws(LMDBError) {
    try check(unsafe mdb_env_sync(handle.pointer, 1))
  }

  /// Frees the slots of readers whose process died; they would keep old pages alive for ever.
  @discardableResult
  public func clearDeadReaders() throws(LMDBError) -> Int {
    var count: Int32 = 0
    try check(unsafe mdb_reader_check(handle.pointer, &count))
    return Int(count)
  }

  /// Writes a consistent copy into the existing empty directory `path`.
  public func copy(to path: String) throws(LMDBError) {
    try check(unsafe mdb_env_copy2(handle.pointer, path, 0))
  }
}

/// A named table of an environment, valid as long as the environment.
public struct Table: Sendable, Hashable {
  let identifier: UInt32
}

/// The C environment; sendable because LMDB synchronises every call made through it.
@safe
struct EnvironmentHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  init(path: String, options: Environment.Options) throws(LMDBError) {
    var created: OpaquePointer?
    try check(unsafe mdb_env_create(&created))
    guard let created = unsafe created else { throw .other(code: MDB_PANIC) }
    do throws(LMDBError) {
      try check(unsafe mdb_env_set_mapsize(created, options.mapByteCount))
      try check(unsafe mdb_env_set_maxdbs(created, UInt32(options.tables.count)))
      try check(unsafe mdb_env_set_maxreaders(created, options.maximumReaderCount))
      try check(unsafe mdb_env_open(created, path, Self.flags(for: options), 0o640))
    } catch {
      unsafe mdb_env_close(created)
      throw error
    }
    unsafe pointer = created
  }

  private static func flags(for options: Environment.Options) -> UInt32 {
    var flags = UInt32(MDB_NOTLS) | UInt32(MDB_NORDAHEAD)
    if !options.clearsNewPages { flags |= UInt32(MDB_NOMEMINIT) }
    if options.isReadOnly { flags |= UInt32(MDB_RDONLY) }
    if options.durability == .unsynced { flags |= UInt32(MDB_NOSYNC) }
    return flags
  }

  func begin(readOnly: Bool) throws(LMDBError) -> OpaquePointer {
    var transaction: OpaquePointer?
    let flags = readOnly ? UInt32(MDB_RDONLY) : 0
    try check(unsafe mdb_txn_begin(pointer, nil, flags, &transaction))
    guard let transaction = unsafe transaction else { throw .other(code: MDB_PANIC) }
    return unsafe transaction
  }

  /// Opens all tables in one transaction; a table that is missing in a read-only environment throws.
  func openTables(_ names: [String], create: Bool) throws(LMDBError) -> [String: Table] {
    let transaction = unsafe try begin(readOnly: !create)
    var tables: [String: Table] = [:]
    for name in names {
      var identifier: MDB_dbi = 0
      let code = unsafe mdb_dbi_open(
        transaction, name, create ? UInt32(MDB_CREATE) : 0, &identifier)
      guard code == MDB_SUCCESS else {
        unsafe mdb_txn_abort(transaction)
        throw code == MDB_NOTFOUND ? .noSuchTable(name: name) : LMDBError(code: code)
      }
      tables[name] = Table(identifier: identifier)
    }
    try check(unsafe mdb_txn_commit(transaction))
    return tables
  }

  func close() { unsafe mdb_env_close(pointer) }
}
