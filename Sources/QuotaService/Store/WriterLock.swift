internal import Glibc

/// Held by the one process that may write to a store; the kernel lets go of it when the process ends.
final class WriterLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock of the store at `path`, or throws `inUse`.
  init(ofStoreAt path: String) throws(StoreFailure) {
    let file = path + "/lock"
    let descriptor = unsafe open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw StoreFailure(.last(file)) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let holder = Self.holder(in: file)
      close(descriptor)
      throw .inUse(path: path, process: holder)
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

  private static func holder(in file: String) -> Int32? {
    guard let bytes = try? Files.read(file) else { return nil }
    return Int32(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
  }
}
