internal import Glibc
internal import Synchronization

/// The file is closed and opened again where a write has failed, and where LMDB has to forget what it has in
/// memory. That takes a look at pages, room on the disk, and a flush: whoever writes waits for it, and nobody
/// who reads.
extension Environment {
  /// How long whoever reads without the lock file may take to end, and how often that is looked for.
  private static let patienceCount = 5000
  private static let pauseMicroseconds: UInt32 = 200

  /// The session that may write: the file is opened again for it where a write failed before.
  func writing() throws(LMDBError) -> Session {
    if let session = sessions.withLock({ $0.forWriting() }) { return session }
    return try reopening.withLock { (_) throws(LMDBError) in
      if sessions.withLock({ $0.mustBeReopened }) { try reopen() }
      try endSpare()
      guard let session = sessions.withLock({ $0.forWriting() }) else { throw .failedBefore }
      return session
    }
  }

  /// Has the file opened again before the next write: what the process has of it in memory proves
  /// nothing after a failed one. Who reads goes on.
  func noteFailedWrite(in session: Session) { sessions.withLock { $0.markBroken(session) } }

  /// Closes the file and opens it again, as a failed write has it done; throws `heldByReaders` where
  /// somebody has to end first.
  public func recover() throws(LMDBError) {
    sessions.withLock { $0.markBroken() }
    for _ in 0..<Self.patienceCount {
      do throws(LMDBError) {
        _ = try writing()
        return
      } catch .heldByReaders {
        // Who reads in the new session would hold it as well, if it were closed again the next time.
        if sessions.withLock({ $0.mustBeReopened }) { throw .heldByReaders }
        usleep(Self.pauseMicroseconds)
      }
    }
    throw .heldByReaders
  }

  /// Closes the file and opens it again, so that LMDB forgets what it has in memory; false where
  /// somebody reads or writes.
  public func reopenIfUnused() throws(LMDBError) -> Bool {
    try reopening.withLock { (_) throws(LMDBError) in
      do throws(LMDBError) { try reopen() } catch .heldByReaders { return false }
      for _ in 0..<Self.patienceCount {
        do throws(LMDBError) { try endSpare() } catch .heldByReaders {
          usleep(Self.pauseMicroseconds)
          continue
        }
        break
      }
      return true
    }
  }

  /// Closes the file behind its last transaction, and opens it again. Only in `reopening`.
  private func reopen() throws(LMDBError) {
    let old = try sessions.withLock { (sessions) throws(LMDBError) in try sessions.takeMain() }
    _ = consume old
    let new = try opener.open()
    sessions.withLock { $0.put(new) }
  }

  /// Closes the session without the lock file; throws `heldByReaders` while somebody reads in it.
  private func endSpare() throws(LMDBError) {
    let spare = try sessions.withLock { (sessions) throws(LMDBError) in try sessions.takeSpare() }
    _ = consume spare
  }
}
