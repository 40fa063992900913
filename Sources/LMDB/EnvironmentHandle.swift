internal import CLMDB

/// The C environment; sendable because LMDB synchronises every call made through it.
@safe
struct EnvironmentHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  init(path: String, options: Environment.Options, usesLockFile: Bool) throws(LMDBError) {
    let flags = Self.flags(for: options) | (usesLockFile ? 0 : UInt32(MDB_NOLOCK))
    var created: OpaquePointer?
    try check(unsafe mdb_env_create(&created))
    guard let created = unsafe created else { throw .other(code: MDB_PANIC) }
    do throws(LMDBError) {
      try check(unsafe mdb_env_set_mapsize(created, options.mapByteCount))
      let tableCount = options.tables.count + options.optionalTables.count
      try check(unsafe mdb_env_set_maxdbs(created, UInt32(tableCount)))
      try check(unsafe mdb_env_set_maxreaders(created, options.maximumReaderCount))
      try check(unsafe mdb_env_open(created, path, flags, 0o640))
    } catch {
      unsafe mdb_env_close(created)
      throw error
    }
    unsafe pointer = created
  }

  /// Never `MDB_NOMEMINIT`: without it the unused part of a new page is zeros, and not what the process had
  /// there in memory, such as a name or a token. LMDB takes the memory of its pages again and again, so that
  /// clearing it costs next to nothing.
  private static func flags(for options: Environment.Options) -> UInt32 {
    var flags = UInt32(MDB_NOTLS) | UInt32(MDB_NORDAHEAD)
    if options.isReadOnly { flags |= UInt32(MDB_RDONLY) }
    if options.durability == .unsynced { flags |= UInt32(MDB_NOSYNC) }
    return flags
  }

  func begin(readOnly: Bool) throws(LMDBError) -> OpaquePointer {
    var transaction: OpaquePointer?
    let flags = readOnly ? UInt32(MDB_RDONLY) : 0
    var code = unsafe mdb_txn_begin(pointer, nil, flags, &transaction)
    // Processes that were killed leave their slots behind.
    if code == MDB_READERS_FULL, try clearDeadReaders() > 0 {
      code = unsafe mdb_txn_begin(pointer, nil, flags, &transaction)
    }
    try check(code)
    guard let transaction = unsafe transaction else { throw .other(code: MDB_PANIC) }
    return unsafe transaction
  }

  /// Frees the slots of readers whose process died; answers how many.
  func clearDeadReaders() throws(LMDBError) -> Int {
    var count: Int32 = 0
    try check(unsafe mdb_reader_check(pointer, &count))
    return Int(count)
  }

  /// Whether a write failed in a way after which LMDB begins no transaction any more.
  var refusesEverything: Bool {
    var transaction: OpaquePointer?
    let code = unsafe mdb_txn_begin(pointer, nil, UInt32(MDB_RDONLY), &transaction)
    guard code == MDB_SUCCESS else { return code == MDB_PANIC }
    unsafe mdb_txn_abort(transaction)
    return false
  }

  /// Opens all tables in one transaction; a table that is missing in a read-only environment throws, where it
  /// has to be there.
  func openTables(_ options: Environment.Options) throws(LMDBError) -> [String: Table] {
    let create = !options.isReadOnly
    let transaction = unsafe try begin(readOnly: !create)
    var status = unsafe MDB_envinfo()
    unsafe mdb_env_info(pointer, &status)
    // Readers elsewhere may keep LMDB from seeing a commit that failed in all but the file: writing over
    // it is not safe before they have ended.
    if create, unsafe mdb_txn_id(transaction) != status.me_last_txnid + 1 {
      unsafe mdb_txn_abort(transaction)
      throw .heldByReaders
    }
    var tables: [String: Table] = [:]
    for name in options.tables + options.optionalTables {
      var identifier: MDB_dbi = 0
      let code = unsafe mdb_dbi_open(
        transaction, name, create ? UInt32(MDB_CREATE) : 0, &identifier)
      if code == MDB_NOTFOUND, options.optionalTables.contains(name) { continue }
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
