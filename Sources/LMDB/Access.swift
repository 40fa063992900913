internal import CLMDB

/// Borrowed bytes as LMDB takes them. The bytes are only read, whatever the type says.
@unsafe
func withValue<Result, Failure: Error>(
  _ bytes: RawSpan, _ body: (inout MDB_val) throws(Failure) -> Result
) throws(Failure) -> Result {
  try unsafe bytes.withUnsafeBytes { (buffer) throws(Failure) in
    var value = unsafe MDB_val(
      mv_size: buffer.count, mv_data: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
    return try unsafe body(&value)
  }
}

/// The value under `key`, as it lies in the map, or nil.
@unsafe
func lookUp(
  _ key: RawSpan, in table: Table, of transaction: OpaquePointer
) throws(LMDBError) -> UnsafeRawBufferPointer? {
  try unsafe withValue(key) { (key) throws(LMDBError) in
    var value = unsafe MDB_val()
    let code = unsafe mdb_get(transaction, table.identifier, &key, &value)
    if code == MDB_NOTFOUND { return nil }
    try check(code)
    return unsafe value.buffer
  }
}

/// How many entries `table` holds.
@unsafe
func count(of table: Table, in transaction: OpaquePointer) throws(LMDBError) -> Int {
  var statistics = MDB_stat()
  try check(unsafe mdb_stat(transaction, table.identifier, &statistics))
  return statistics.ms_entries
}

extension MDB_val {
  @unsafe var buffer: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: mv_data, count: mv_size)
  }
}
