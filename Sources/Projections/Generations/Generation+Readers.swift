public import LMDB

extension Generation {
  /// Frees the places of readers whose processes died; they would keep old pages from being used again.
  public func clearDeadReaders() throws(ProjectionFailure) {
    try translating { () throws(LMDBError) in try environment.clearDeadReaders() }
  }

  /// Who reads the oldest state of the projection, in this process or another; nil where nobody reads.
  public func oldestReader() throws(ProjectionFailure) -> Reader? {
    try translating { () throws(LMDBError) in try environment.oldestReader() }
  }
}
