internal import Glibc

/// A directory that is kept from being forgotten: as long as this lives, no other directory has its
/// identity, even after it was deleted.
final class OpenDirectory: Sendable {
  let identity: DirectoryIdentity
  private let descriptor: Int32

  init(path: String) throws(LMDBError) {
    // A descriptor by `O_PATH`, which Swift sees under this name only, needs no right to read.
    descriptor = unsafe open(path, __O_PATH | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw LMDBError(code: errno) }
    identity = try DirectoryIdentity(of: descriptor)
  }

  deinit { close(descriptor) }

  /// Brings the names of the files in the directory `path` to the disk.
  static func sync(_ path: String) throws(LMDBError) {
    let readable = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard readable >= 0 else { throw LMDBError(code: errno) }
    defer { close(readable) }
    guard fsync(readable) == 0 else { throw LMDBError(code: errno) }
  }
}

/// What identifies a directory in this process, whatever path leads to it.
struct DirectoryIdentity: Hashable, Sendable {
  let device: UInt64
  let inode: UInt64

  init(of descriptor: Int32) throws(LMDBError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw LMDBError(code: errno) }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}
