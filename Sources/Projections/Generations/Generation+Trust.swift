internal import LMDB

/// Whether a generation's pages are known to be what was committed.
public enum Trust: Hashable, Sendable {
  /// It was flushed and closed.
  case closedCleanly
  /// It was in use; its pages are whole as long as the kernel that holds them runs.
  case inUse(bootID: String)
  /// It is being folded from the log, or was when its process was killed: then the fold may go on from
  /// where it is, as long as the kernel runs that has its pages.
  case building(bootID: String)
  /// It says nothing about itself: its rebuild did not finish.
  case unknown
}

extension Generation {
  private static let trustKey = Array("trust".utf8)

  public func trust() throws(ProjectionFailure) -> Trust {
    try translating { () throws(LMDBError) in
      let transaction = try environment.beginRead()
      let key = Self.trustKey
      guard let row = try transaction.get(key.rawBytes, in: tables.meta), row.byteCount > 0 else {
        return .unknown
      }
      if row.byte(at: 0) == 1 { return .closedCleanly }
      let text = [UInt8](copying: row.extracting(1..<row.byteCount))
      let bootID = String(decoding: text, as: UTF8.self)
      return row.byte(at: 0) == 2 ? .building(bootID: bootID) : .inUse(bootID: bootID)
    }
  }

  /// Notes, durably, that pages may be in the kernel only from now on.
  ///
  /// A flush is needed only where the disk says that the generation was closed: anything else that it
  /// may say after a crash of the machine is not trusted either.
  public func markInUse(bootID: String) throws(ProjectionFailure) {
    let wasClosed = try trust() == .closedCleanly
    try storeTrust([0] + Array(bootID.utf8))
    if wasClosed { try translating { () throws(LMDBError) in try environment.sync() } }
  }

  /// Notes that the fold into this new generation begins. It is not flushed: what a machine that
  /// crashed has left of it is not gone on with.
  public func markBuilding(bootID: String) throws(ProjectionFailure) {
    try storeTrust([2] + Array(bootID.utf8))
  }

  /// Flushes everything, and only then notes that the generation may be trusted.
  public func markClosed() throws(ProjectionFailure) {
    try translating { () throws(LMDBError) in try environment.sync() }
    try storeTrust([1])
    try translating { () throws(LMDBError) in try environment.sync() }
  }

  private func storeTrust(_ row: [UInt8]) throws(ProjectionFailure) {
    try translating { () throws(LMDBError) in
      var transaction = try environment.beginWrite()
      let key = Self.trustKey
      try transaction.put(row.rawBytes, under: key.rawBytes, in: tables.meta)
      try transaction.commit()
    }
  }
}
