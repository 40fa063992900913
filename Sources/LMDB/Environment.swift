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
    /// More of them, which a file that is only read may lack.
    public var optionalTables: [String]
    /// Address space for the map, not memory and not disk.
    ///
    /// Growing it later would need every reader to stop, hence sparse and large from the start.
    public var mapByteCount: Int
    /// Slots for concurrent read transactions over all processes. Each costs 64 bytes.
    public var maximumReaderCount: UInt32

    public init(
      durability: Durability, isReadOnly: Bool = false, tables: [String],
      optionalTables: [String] = [], mapByteCount: Int = 1 << 40, maximumReaderCount: UInt32 = 1024
    ) {
      self.durability = durability
      self.isReadOnly = isReadOnly
      self.tables = tables
      self.optionalTables = optionalTables
      self.mapByteCount = mapByteCount
      self.maximumReaderCount = maximumReaderCount
    }
  }

  let sessions: Mutex<Sessions>
  /// Held by whoever opens the file again, for as long as that takes. Nobody who reads waits for it.
  let reopening = Mutex(())
  let opener: SessionOpener
  private let tables: [String: Table]
  private let directory: OpenDirectory
  /// The file that holds everything.
  let dataPath: String

  private static let openDirectories = Mutex<Set<DirectoryIdentity>>([])

  /// Opens the environment in the existing directory `path`, and its tables.
  ///
  /// Where it may write, its owner sees to it that no other process does: after a failed write, or
  /// where the disk has no room for the lock file, it is read without that file until it can be
  /// opened again, and a writer elsewhere would not know of such readers.
  public init(path: String, options: Options) throws(LMDBError) {
    if let name = networkFileSystem(holding: path) { throw .networkFileSystem(name: name) }
    let directory = try OpenDirectory(path: path)
    guard Self.openDirectories.withLock({ $0.insert(directory.identity).inserted }) else {
      throw .alreadyOpen
    }
    do throws(LMDBError) {
      opener = SessionOpener(path: path, options: options)
      let sessions = try Sessions(opener)
      tables = sessions.current?.tables ?? [:]
      self.sessions = Mutex(sessions)
      self.directory = directory
      dataPath = path + "/data.mdb"
    } catch {
      Self.openDirectories.withLock { _ = $0.remove(directory.identity) }
      throw error
    }
  }

  deinit {
    sessions.withLock { $0.close() }
    Self.openDirectories.withLock { _ = $0.remove(directory.identity) }
  }

  /// The table opened under `name`.
  public func table(_ name: String) throws(LMDBError) -> Table {
    guard let table = try optionalTable(name) else { throw .noSuchTable(name: name) }
    return table
  }

  /// The same; nil where the file lacks it. It may have it once somebody could open it for writing.
  public func optionalTable(_ name: String) throws(LMDBError) -> Table? {
    if let table = tables[name] { return table }
    return sessions.withLock { $0.current?.tables[name] }
  }

  /// A consistent view of everything committed so far. Keep it short: pages that it can see are
  /// not reused while it lives.
  public func beginRead() throws(LMDBError) -> ReadTransaction {
    do throws(LMDBError) {
      return try attemptRead()
    } catch {
      guard error == .failedBefore else { throw error }
      return try attemptRead()
    }
  }

  private func attemptRead() throws(LMDBError) -> ReadTransaction {
    try beginRead(
      in: sessions.withLock { (sessions) throws(LMDBError) in try sessions.forReading() })
  }

  /// The same for whoever is going to write before it ends. A view that needs the file to be opened again
  /// before anybody writes would keep that very write out: so the file is opened again first, if it can be.
  public func beginReadBeforeWrite() throws(LMDBError) -> ReadTransaction {
    guard let session = try? writing() else { return try beginRead() }
    return try beginRead(in: session)
  }

  private func beginRead(in session: Session) throws(LMDBError) -> ReadTransaction {
    let transaction = unsafe try begin(in: session, readOnly: true)
    return unsafe ReadTransaction(transaction: transaction, in: session, of: self)
  }

  /// The one write transaction; waits while another one is open, here or in another process.
  ///
  /// It must end on the thread that began it.
  @available(*, noasync)
  public func beginWrite() throws(LMDBError) -> WriteTransaction {
    let session = try writing()
    let transaction = unsafe try begin(in: session, readOnly: false)
    return unsafe WriteTransaction(transaction: transaction, in: session, of: self)
  }

  private func begin(in session: Session, readOnly: Bool) throws(LMDBError) -> OpaquePointer {
    do throws(LMDBError) {
      return unsafe try session.handle.begin(readOnly: readOnly)
    } catch {
      if error == .failedBefore { sessions.withLock { $0.markBroken(session) } }
      throw error
    }
  }

  /// Runs `body` with the C environment that may write.
  func withWritable<Result>(
    _ body: (EnvironmentHandle) throws(LMDBError) -> Result
  ) throws(LMDBError) -> Result {
    let session = try writing()
    return try body(session.handle)
  }

  /// Runs `body` with the C environment as it is: for what needs no transaction.
  func withCurrent<Result>(
    _ body: (EnvironmentHandle) throws(LMDBError) -> Result
  ) throws(LMDBError) -> Result {
    let session = try sessions.withLock { (sessions) throws(LMDBError) in
      if let current = sessions.current { current } else { try sessions.forReading() }
    }
    return try body(session.handle)
  }

  /// Brings everything committed to the disk, whatever the durability.
  public func sync() throws(LMDBError) {
    try withWritable { (handle) throws(LMDBError) in
      try check(unsafe mdb_env_sync(handle.pointer, 1))
    }
  }

  /// Frees the slots of readers whose process died; they would keep old pages alive for ever.
  @discardableResult
  public func clearDeadReaders() throws(LMDBError) -> Int {
    try withCurrent { (handle) throws(LMDBError) in try handle.clearDeadReaders() }
  }

  /// Writes a consistent copy into the existing empty directory `path`.
  public func copy(to path: String) throws(LMDBError) {
    // Whoever writes would wait for a copy of a session without the lock file.
    let session = try reopening.withLock { (_) throws(LMDBError) in
      try sessions.withLock { (sessions) throws(LMDBError) in try sessions.forReading() }
    }
    try check(unsafe mdb_env_copy2(session.handle.pointer, path, 0))
  }
}

/// A named table of an environment, valid as long as the environment.
public struct Table: Sendable, Hashable {
  let identifier: UInt32
}
