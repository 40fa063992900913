internal import Glibc

/// A file that one process at a time holds; the kernel lets go of it when the process ends.
final class FileLock: Sendable {
  /// Somebody who only looks holds it for an instant.
  private static let attemptCount = 10
  private static let pauseMicroseconds: UInt32 = 5_000

  private let descriptor: Int32

  /// Takes the lock, and writes this process's id into the file; nil where another one has it.
  init?(_ path: String) throws(StoreFailure) {
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .file(path) }
    guard Self.take(descriptor), Self.isStill(descriptor, at: path) else {
      close(descriptor)
      return nil
    }
    let text = Array("\(getpid())\n".utf8)
    ftruncate(descriptor, 0)
    _ = unsafe text.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    self.descriptor = descriptor
  }

  deinit {
    // Not left to the close: a child that is just being started has a copy until it runs its program.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Whether a process holds the lock at `path` now.
  static func isHeld(_ path: String) -> Bool {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0
  }

  /// The process that took the lock at `path` last.
  static func holder(of path: String) -> Int32? {
    guard let bytes = try? Files.read(path) else { return nil }
    return Int32(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
  }

  private static func take(_ descriptor: Int32) -> Bool {
    for attempt in 1...attemptCount {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
      if attempt < attemptCount { usleep(pauseMicroseconds) }
    }
    return false
  }

  /// Whether nobody removed the file since it was opened.
  private static func isStill(_ descriptor: Int32, at path: String) -> Bool {
    var mine = stat()
    var named = stat()
    guard unsafe fstat(descriptor, &mine) == 0, unsafe stat(path, &named) == 0 else { return false }
    return mine.st_dev == named.st_dev && mine.st_ino == named.st_ino
  }
}
