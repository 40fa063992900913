internal import EventLog
internal import QuotaModel

extension Store {
  /// Makes another key where the log goes on without events that were acknowledged: the one before may have
  /// signed for them, and would sign for others in their place.
  ///
  /// It comes before anything is accepted, so that nobody who is killed on the way leaves the old key in use.
  static func changeKey(ofStoreAt path: String, whereEventsAreLostFrom log: LMDBLog)
    throws(StoreFailure)
  {
    if try lacksEvents(log, inStoreAt: path) { try replaceKey(ofStoreAt: path, of: log) }
  }

  /// Signs with another key from now on, where the store has one.
  static func replaceKey(ofStoreAt path: String, of log: LMDBLog) throws(StoreFailure) {
    let key = CheckpointKey(ofStoreAt: path)
    guard try key.read() != nil else { return }
    _ = try key.create(LogOrigin(naming: log).keyName)
  }

  /// Whether anything in the store has seen more events than the log has.
  private static func lacksEvents(
    _ log: LMDBLog, inStoreAt path: String
  ) throws(StoreFailure) -> Bool {
    let generations = Generations(ofStoreAt: path, log: log)
    do throws(StoreFailure) {
      try usingLog(log.openTree(progress: nil))
      try Witness(ofStoreAt: path).check(
        against: log, keys: CheckpointKey(ofStoreAt: path), acceptingLostEvents: false)
      if generations.pointer != nil {
        _ = try generations.openForReading(acceptingLostEvents: false)
      }
      return false
    } catch .logLostItsEnd, .log(.treeDiffers(.recordsMissing)) {
      return true
    } catch .projection {
      // A projection that cannot be read is folded again, and says nothing.
      return false
    }
  }
}
