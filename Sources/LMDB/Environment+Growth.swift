internal import CLMDB
internal import Glibc

extension Environment {
  /// How much longer than what is used of it the file should be, at least.
  private static let growthMargin = 256 << 10
  /// How much the file grows at once.
  private static let growthStep = 1 << 20

  /// Has the file end some way behind the last page that is used, by writing zeros there.
  ///
  /// A commit that makes the file longer flushes the file's length as well, which is one more write
  /// for the disk to finish before anybody is answered. Zeros are written and not only reserved: space
  /// that was only reserved changes its state at the first write, and that has to be flushed too.
  ///
  /// Belongs to the thread that writes, between two transactions. Where the disk has no room nothing
  /// happens: the next commit will find out by itself.
  public func growAhead() throws(LMDBError) {
    try withWritable { (handle) throws(LMDBError) in try Self.growAhead(handle) }
  }

  private static func growAhead(_ handle: EnvironmentHandle) throws(LMDBError) {
    var status = unsafe MDB_envinfo()
    var descriptor: mdb_filehandle_t = -1
    var page = MDB_stat()
    var file = stat()
    try check(unsafe mdb_env_info(handle.pointer, &status))
    try check(unsafe mdb_env_stat(handle.pointer, &page))
    try check(unsafe mdb_env_get_fd(handle.pointer, &descriptor))
    guard unsafe fstat(descriptor, &file) == 0 else { throw LMDBError(code: errno) }
    let used = (unsafe status.me_last_pgno + 1) * Int(page.ms_psize)
    guard Int(file.st_size) - used < growthMargin else { return }
    let zeros = [UInt8](repeating: 0, count: growthStep)
    let start = off_t(max(Int(file.st_size), used))
    _ = unsafe zeros.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, start) }
  }
}
