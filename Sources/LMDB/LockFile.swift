internal import Glibc

/// The file in which LMDB's processes find each other: locks, and a slot for each reader.
///
/// LMDB makes it as a hole of the right length and maps it. On a full disk the first touch of the hole
/// would end the process by SIGBUS, so it gets its blocks before.
enum LockFile {
  private static let headerByteCount = 192
  private static let slotByteCount = 64

  /// Gives the lock file all its blocks; throws `noSpace` where the disk has none.
  ///
  /// Not while this process has the environment open: closing the file would drop its locks.
  static func allocate(in directory: String, for options: Environment.Options) throws(LMDBError) {
    if options.isReadOnly, unsafe access(directory + "/data.mdb", F_OK) != 0 { return }
    let flags = O_RDWR | O_CREAT | O_CLOEXEC
    let descriptor = unsafe open(directory + "/lock.mdb", flags, 0o640)
    // LMDB does without where nothing can be written, and says what is wrong where it cannot.
    guard descriptor >= 0 else {
      if errno == ENOSPC || errno == EDQUOT { throw .noSpace }
      return
    }
    defer { close(descriptor) }
    try allocate(descriptor, byteCount: byteCount(for: options.maximumReaderCount))
  }

  /// As long as LMDB would make it: a longer one has more slots.
  private static func byteCount(for readerCount: UInt32) -> off_t {
    off_t(headerByteCount + (Int(readerCount) - 1) * slotByteCount)
  }

  private static func allocate(_ descriptor: Int32, byteCount: off_t) throws(LMDBError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw LMDBError(code: errno) }
    var code: Int32
    repeat {
      code = posix_fallocate(descriptor, 0, max(byteCount, status.st_size))
    } while code == EINTR
    try check(code)
  }
}
