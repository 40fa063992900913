import Foundation
import TestSupport

/// A new lock file in the place of an environment's, locked as if another process were about to open the
/// environment: whoever opens it waits until it is released.
final class TakenLockFile {
  /// A lock of the open file and not of the process, which keeps this very process out as well.
  private static let setOpenFileLock: Int32 = 37

  private let descriptor: Int32
  private let inode: UInt64

  init(in directory: TemporaryDirectory) throws {
    let path = directory.path + "/lock.mdb"
    // What LMDB made there says that it is one.
    let content = try Data(contentsOf: URL(filePath: path))
    try FileManager.default.removeItem(atPath: path)
    try content.write(to: URL(filePath: path))
    descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, unsafe fstat(descriptor, &status) == 0 else { throw POSIXError(.EIO) }
    inode = UInt64(status.st_ino)
    guard set(F_WRLCK) else { throw POSIXError(.EAGAIN) }
  }

  deinit { close(descriptor) }

  /// Waits until somebody waits for the lock.
  func waitUntilWanted() {
    let ending = ":\(inode) "
    while true {
      let locks = (try? String(contentsOfFile: "/proc/locks", encoding: .utf8)) ?? ""
      let lines = locks.split(separator: "\n")
      if lines.contains(where: { $0.contains("->") && $0.contains(ending) }) { return }
      usleep(1000)
    }
  }

  func release() { _ = set(F_UNLCK) }

  private func set(_ type: Int32) -> Bool {
    var lock = Glibc.flock()
    lock.l_type = Int16(type)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_len = 1
    return unsafe fcntl(descriptor, Self.setOpenFileLock, &lock) == 0
  }
}
