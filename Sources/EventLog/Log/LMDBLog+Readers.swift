public import LMDB

extension LMDBLog {
  /// Frees the places of readers whose processes died; they would keep old pages from being used again.
  public func clearDeadReaders() throws(LogFailure) {
    do { try store.environment.clearDeadReaders() } catch { throw LogFailure(error, path: path) }
  }

  /// Who reads the oldest state of the log, in this process or another; nil where nobody reads.
  public func oldestReader() throws(LogFailure) -> Reader? {
    do { return try store.environment.oldestReader() } catch {
      throw LogFailure(error, path: path)
    }
  }
}
