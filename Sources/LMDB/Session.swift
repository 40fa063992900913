internal import CLMDB

/// One time that an environment's file is open, from `mdb_env_open` to `mdb_env_close`.
///
/// Transactions hold it, so that it is closed behind the last one.
final class Session: Sendable {
  let handle: EnvironmentHandle
  let tables: [String: Table]

  init(handle: EnvironmentHandle, tables: [String: Table]) {
    self.handle = handle
    self.tables = tables
  }

  deinit { handle.close() }
}

/// Opens the file of one environment, as often as that is needed.
struct SessionOpener: Sendable {
  let path: String
  let options: Environment.Options

  /// The file as its options say.
  func open() throws(LMDBError) -> Session {
    try checkEdges()
    try LockFile.allocate(in: path, for: options)
    return try session(options, usesLockFile: true)
  }

  /// The file for reading only, and without the lock file: sound while nobody writes, because the next
  /// writer would not know of the readers.
  func openBesideNobody() throws(LMDBError) -> Session {
    guard !options.isReadOnly else { throw .permissionDenied }
    try checkEdges()
    var options = options
    options.isReadOnly = true
    return try session(options, usesLockFile: false)
  }

  private func session(
    _ options: Environment.Options, usesLockFile: Bool
  ) throws(LMDBError) -> Session {
    let handle = try EnvironmentHandle(path: path, options: options, usesLockFile: usesLockFile)
    do throws(LMDBError) {
      let tables = try handle.openTables(options)
      // LMDB flushes the file, and nobody the name that it may have just got.
      if !options.isReadOnly, options.durability == .synced { try OpenDirectory.sync(path) }
      return Session(handle: handle, tables: tables)
    } catch {
      handle.close()
      throw error
    }
  }

  /// Looks at the pages that LMDB is about to touch: on damaged ones it may crash.
  private func checkEdges() throws(LMDBError) {
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
}

/// The sessions of one environment: one as a rule.
///
/// After some failed writes LMDB refuses every new transaction until the file is closed and opened
/// again, and it may be open only once in a process. So it is closed behind its last reader; whoever
/// begins to read before it is open again gets a session without the lock file, which is sound as long as
/// nobody writes. Nobody does until the last of these readers has ended as well.
///
/// Nothing here takes longer than it takes to open the file for such a reader: closing it, and opening it
/// for a writer, is done outside, so that nobody who reads waits for that.
struct Sessions {
  private let opener: SessionOpener
  private var main: Session?
  private var isBroken = false
  private var spare: Session?

  /// Opens the environment; for reading only where the disk has no room for the lock file.
  init(_ opener: SessionOpener) throws(LMDBError) {
    self.opener = opener
    do throws(LMDBError) {
      main = try opener.open()
    } catch {
      guard error == .noSpace, !opener.options.isReadOnly else { throw error }
      isBroken = true
      // A file that is not there yet has nothing to be read.
      guard let session = try? opener.openBesideNobody() else { throw error }
      spare = session
    }
  }

  /// What is open; nil only while the file is being opened again, and between two attempts that failed.
  var current: Session? { main ?? spare }

  /// For whoever reads; whoever writes opens the file again.
  mutating func forReading() throws(LMDBError) -> Session {
    if !isBroken, let main { return main }
    if let spare { return spare }
    guard let new = try? opener.openBesideNobody() else { throw .failedBefore }
    spare = new
    return new
  }

  /// For whoever writes; nil where the file has to be opened again, or where readers have to end first.
  mutating func forWriting() -> Session? { !isBroken && spare == nil ? main : nil }

  /// Gives up the session without the lock file, unless somebody reads in it. Closing it is left to the
  /// caller.
  mutating func takeSpare() throws(LMDBError) -> Session? {
    guard spare == nil || isKnownUniquelyReferenced(&spare) else { throw .heldByReaders }
    return spare.take()
  }

  /// Whether the file has to be opened again before anybody writes.
  var mustBeReopened: Bool { isBroken || main == nil }

  /// Gives up the main session, unless a transaction is open in it. Closing it is left to the caller.
  mutating func takeMain() throws(LMDBError) -> Session? {
    guard main == nil || isKnownUniquelyReferenced(&main) else { throw .heldByReaders }
    isBroken = true
    return main.take()
  }

  /// Takes the file as it was opened again.
  mutating func put(_ session: Session) {
    main = session
    isBroken = false
  }

  /// Has the file opened again before anybody begins another transaction.
  mutating func markBroken() { isBroken = true }

  /// The same of a session, which may be closed by now.
  mutating func markBroken(_ session: Session) { if session === main { isBroken = true } }

  mutating func close() {
    main = nil
    spare = nil
  }
}
