internal import CLMDB

/// A consistent, read-only view of an environment. Ends when it goes out of scope.
///
/// Borrowed bytes point into the map and cannot outlive the transaction.
@safe
public struct ReadTransaction: ~Copyable {
  private let transaction: OpaquePointer
  /// Both stay open as long as this.
  private let session: Session
  private let environment: Environment

  init(transaction: OpaquePointer, in session: Session, of environment: Environment) {
    unsafe self.transaction = unsafe transaction
    self.session = session
    self.environment = environment
  }

  deinit { unsafe mdb_txn_abort(transaction) }

  /// The value under `key`, or nil.
  @_lifetime(borrow self)
  public func get(_ key: RawSpan, in table: Table) throws(LMDBError) -> RawSpan? {
    guard let buffer = unsafe try lookUp(key, in: table, of: transaction) else { return nil }
    return unsafe _overrideLifetime(RawSpan(_unsafeBytes: buffer), borrowing: self)
  }

  /// A cursor over `table`, before its first entry.
  @_lifetime(borrow self)
  public func cursor(in table: Table) throws(LMDBError) -> Cursor {
    let handle = unsafe try Cursor.open(in: table, of: transaction)
    return unsafe _overrideLifetime(Cursor(unowned: handle), borrowing: self)
  }

  /// How many entries `table` holds.
  public func count(of table: Table) throws(LMDBError) -> Int {
    unsafe try LMDB.count(of: table, in: transaction)
  }
}
