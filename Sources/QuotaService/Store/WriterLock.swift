/// Held by the one process that may write to a store.
struct WriterLock: Sendable {
  private let lock: FileLock

  /// Takes the lock of the store at `path`, or throws `inUse`.
  init(ofStoreAt path: String) throws(StoreFailure) {
    let file = Self.file(ofStoreAt: path)
    let lock = try FileLock(file)
    guard let lock else { throw .inUse(path: path, process: FileLock.holder(of: file)) }
    self.lock = lock
  }

  static func file(ofStoreAt path: String) -> String { path + "/lock" }
}
