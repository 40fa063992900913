internal import CLMDB
internal import Glibc

/// The one transaction that may change an environment. It aborts unless it is committed.
///
/// It belongs to the thread that began it: ending it elsewhere leaves LMDB's writer lock held.
@safe
public struct WriteTransaction: ~Copyable {
  /// nil once the transaction has ended.
  private var transaction: OpaquePointer?
  /// Both stay open as long as this.
  private let session: Session
  private let environment: Environment

  init(transaction: OpaquePointer, in session: Session, of environment: Environment) {
    unsafe self.transaction = unsafe transaction
    self.session = session
    self.environment = environment
  }

  /// The number that the commit will have.
  var number: UInt64 { UInt64(unsafe mdb_txn_id(open)) }

  deinit {
    if let transaction = unsafe transaction { unsafe mdb_txn_abort(transaction) }
  }

  private var open: OpaquePointer {
    guard let transaction = unsafe transaction else {
      preconditionFailure("a write transaction was used after its end")
    }
    return unsafe transaction
  }

  /// Makes every change visible, and durable where the environment is synced.
  ///
  /// When it throws, nothing of the transaction is in the environment; LMDB has ended it all the
  /// same. Where the kernel's pages cannot be trusted afterwards, or LMDB refuses everything, the file
  /// is opened again before the next transaction.
  public consuming func commit() throws(LMDBError) {
    guard let transaction = unsafe transaction.take() else { return }
    let code = unsafe mdb_txn_commit(transaction)
    if code == MDB_SUCCESS { return }
    if code == EIO || session.handle.refusesEverything {
      environment.noteFailedWrite(in: session)
    }
    throw LMDBError(code: code)
  }

  /// Forgets every change.
  public consuming func abort() {
    if let transaction = unsafe transaction.take() { unsafe mdb_txn_abort(transaction) }
  }

  /// The value under `key`, changes of this transaction included, or nil.
  @_lifetime(borrow self)
  public func get(_ key: RawSpan, in table: Table) throws(LMDBError) -> RawSpan? {
    guard let buffer = unsafe try lookUp(key, in: table, of: open) else { return nil }
    return unsafe _overrideLifetime(RawSpan(_unsafeBytes: buffer), borrowing: self)
  }

  /// A cursor over `table`, before its first entry. Nothing can be written while it lives.
  @_lifetime(borrow self)
  public func cursor(in table: Table) throws(LMDBError) -> Cursor {
    let handle = unsafe try Cursor.open(in: table, of: open)
    return unsafe _overrideLifetime(Cursor(unowned: handle), borrowing: self)
  }

  /// The greatest key of `table`; nil where it is empty.
  public func lastKey(of table: Table) throws(LMDBError) -> [UInt8]? {
    var cursor = try cursor(in: table)
    guard let last = try cursor.last() else { return nil }
    return [UInt8](copying: last.key)
  }

  /// How many entries `table` holds.
  public func count(of table: Table) throws(LMDBError) -> Int {
    unsafe try LMDB.count(of: table, in: open)
  }

  /// Stores `value` under `key`, whatever was there.
  public mutating func put(
    _ value: RawSpan, under key: RawSpan, in table: Table
  ) throws(LMDBError) {
    try check(unsafe store(value, under: key, in: table, flags: 0))
  }

  /// Stores `value` under `key` unless the key exists; answers whether it stored.
  public mutating func insert(
    _ value: RawSpan, under key: RawSpan, in table: Table
  ) throws(LMDBError) -> Bool {
    let code = unsafe store(value, under: key, in: table, flags: UInt32(MDB_NOOVERWRITE))
    if code == MDB_KEYEXIST { return false }
    try check(code)
    return true
  }

  /// Stores `value` under a key greater than every key of the table: pages fill up completely and
  /// nothing is searched.
  public mutating func append(
    _ value: RawSpan, under key: RawSpan, in table: Table
  ) throws(LMDBError) {
    try check(unsafe store(value, under: key, in: table, flags: UInt32(MDB_APPEND)))
  }

  /// Removes `key`; answers whether it was there.
  @discardableResult
  public mutating func remove(_ key: RawSpan, from table: Table) throws(LMDBError) -> Bool {
    let code = unsafe withValue(key) { (key) in
      unsafe mdb_del(open, table.identifier, &key, nil)
    }
    if code == MDB_NOTFOUND { return false }
    try check(code)
    return true
  }

  /// Removes every entry of `table`.
  public mutating func removeAll(from table: Table) throws(LMDBError) {
    try check(unsafe mdb_drop(open, table.identifier, 0))
  }

  /// Stores many entries through one cursor; cheap when the keys come in order, because the cursor
  /// stays on its page.
  public mutating func putInOrder<Failure: Error>(
    in table: Table, _ body: (inout OrderedPut) throws(Failure) -> Void
  ) throws(Failure) {
    var ordered = unsafe OrderedPut(table: table, transaction: open)
    defer { ordered.close() }
    try body(&ordered)
  }

  @unsafe
  private func store(_ value: RawSpan, under key: RawSpan, in table: Table, flags: UInt32) -> Int32
  {
    unsafe withValue(key) { (key) in
      unsafe withValue(value) { (value) in
        unsafe mdb_put(open, table.identifier, &key, &value, flags)
      }
    }
  }
}

/// Writes entries through one cursor; see `WriteTransaction.putInOrder`.
@safe
public struct OrderedPut {
  private var cursor: OpaquePointer?
  private let openingCode: Int32
  /// Whether the keys that come have passed all that the table had.
  private var isBehindAll = false
  /// The greatest key that the table had when the first ascending one came.
  private var last: [UInt8]?

  init(table: Table, transaction: OpaquePointer) {
    var cursor: OpaquePointer?
    openingCode = unsafe mdb_cursor_open(transaction, table.identifier, &cursor)
    unsafe self.cursor = unsafe cursor
  }

  /// Stores `value` under `key`, whatever was there.
  public mutating func put(_ value: RawSpan, under key: RawSpan) throws(LMDBError) {
    try store(value, under: key, flags: 0)
  }

  /// Stores `value` under a key greater than every key of the table: pages fill up completely and
  /// nothing is searched.
  public mutating func append(_ value: RawSpan, under key: RawSpan) throws(LMDBError) {
    try store(value, under: key, flags: UInt32(MDB_APPEND))
  }

  /// Stores `value` under a key greater than the one before: it is appended, which fills pages
  /// completely, as soon as no key of the table lies behind it. Nothing else may be stored in between.
  public mutating func putAscending(_ value: RawSpan, under key: RawSpan) throws(LMDBError) {
    if !isBehindAll {
      if last == nil { last = try greatestKey() }
      isBehindAll = last.map { $0.rawBytes.precedes(key) } ?? true
    }
    try store(value, under: key, flags: isBehindAll ? UInt32(MDB_APPEND) : 0)
  }

  private func greatestKey() throws(LMDBError) -> [UInt8]? {
    try check(openingCode)
    var key = unsafe MDB_val()
    var value = unsafe MDB_val()
    let code = unsafe mdb_cursor_get(cursor, &key, &value, MDB_LAST)
    if code == MDB_NOTFOUND { return nil }
    try check(code)
    return unsafe [UInt8](copying: RawSpan(_unsafeBytes: key.buffer))
  }

  /// Stores `value` under `key`, unless `keeps` wants what is there.
  public mutating func put(
    _ value: RawSpan, under key: RawSpan, unless keeps: (RawSpan) -> Bool
  ) throws(LMDBError) {
    try check(openingCode)
    let cursor = unsafe cursor
    var isKept = false
    let code = unsafe withValue(key) { (key) in
      unsafe withValue(value) { (value) in
        // Where the key is there, LMDB shows its value instead.
        let code = unsafe mdb_cursor_put(cursor, &key, &value, UInt32(MDB_NOOVERWRITE))
        if code == MDB_KEYEXIST { isKept = unsafe keeps(RawSpan(_unsafeBytes: value.buffer)) }
        return code
      }
    }
    guard code == MDB_KEYEXIST else { return try check(code) }
    if !isKept { try put(value, under: key) }
  }

  private func store(_ value: RawSpan, under key: RawSpan, flags: UInt32) throws(LMDBError) {
    try check(openingCode)
    let cursor = unsafe cursor
    try check(
      unsafe withValue(key) { (key) in
        unsafe withValue(value) { (value) in unsafe mdb_cursor_put(cursor, &key, &value, flags) }
      })
  }

  mutating func close() {
    if let cursor = unsafe cursor.take() { unsafe mdb_cursor_close(cursor) }
  }
}
