internal import CLMDB

/// A place in a table, in key order. It cannot outlive its transaction, and neither can the bytes
/// that it shows.
@safe
public struct Cursor: ~Copyable, ~Escapable {
  private let handle: OpaquePointer

  @_lifetime(immortal)
  init(unowned handle: OpaquePointer) {
    unsafe self.handle = unsafe handle
  }

  deinit { unsafe mdb_cursor_close(handle) }

  @unsafe
  static func open(in table: Table, of transaction: OpaquePointer) throws(LMDBError)
    -> OpaquePointer
  {
    var handle: OpaquePointer?
    try check(unsafe mdb_cursor_open(transaction, table.identifier, &handle))
    guard let handle = unsafe handle else { throw .other(code: MDB_PANIC) }
    return unsafe handle
  }

  /// The first entry of the table.
  @_lifetime(copy self)
  public mutating func first() throws(LMDBError) -> Entry? { try move(MDB_FIRST) }

  /// The last entry of the table.
  @_lifetime(copy self)
  public mutating func last() throws(LMDBError) -> Entry? { try move(MDB_LAST) }

  /// The entry after this one; the first one at the start.
  @_lifetime(copy self)
  public mutating func next() throws(LMDBError) -> Entry? { try move(MDB_NEXT) }

  /// The entry before this one.
  @_lifetime(copy self)
  public mutating func previous() throws(LMDBError) -> Entry? { try move(MDB_PREV) }

  /// The first entry whose key is `key` or greater.
  @_lifetime(copy self)
  public mutating func seek(_ key: RawSpan) throws(LMDBError) -> Entry? {
    let found = unsafe try withValue(key) { (key) throws(LMDBError) in
      unsafe try Self.step(handle, key: key, operation: MDB_SET_RANGE)
    }
    guard let found = unsafe found else { return nil }
    return unsafe _overrideLifetime(
      Entry(unownedKey: found.key, value: found.value), copying: self)
  }

  @_lifetime(copy self)
  private mutating func move(_ operation: MDB_cursor_op) throws(LMDBError) -> Entry? {
    guard let found = unsafe try Self.step(handle, key: MDB_val(), operation: operation) else {
      return nil
    }
    return unsafe _overrideLifetime(
      Entry(unownedKey: found.key, value: found.value), copying: self)
  }

  @unsafe
  private static func step(
    _ handle: OpaquePointer, key: MDB_val, operation: MDB_cursor_op
  ) throws(LMDBError) -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
    var key = unsafe key
    var value = unsafe MDB_val()
    let code = unsafe mdb_cursor_get(handle, &key, &value, operation)
    if code == MDB_NOTFOUND { return nil }
    try check(code)
    return unsafe (key.buffer, value.buffer)
  }
}

/// A key and its value as they lie in the map.
public struct Entry: ~Escapable {
  public let key: RawSpan
  public let value: RawSpan

  @_lifetime(immortal)
  init(unownedKey key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    let keySpan = unsafe RawSpan(_unsafeBytes: key)
    let valueSpan = unsafe RawSpan(_unsafeBytes: value)
    self.key = unsafe _overrideLifetime(keySpan, borrowing: ())
    self.value = unsafe _overrideLifetime(valueSpan, borrowing: ())
  }
}
