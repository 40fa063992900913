internal import EventLog
internal import Evidence
internal import QuotaModel

extension Ledger {
  /// Signs and keeps a checkpoint of the log where it has grown and enough time has passed since the last
  /// one, or where `isLast`: nobody may come back to do it.
  ///
  /// A log without a key, or with a damaged one, gets none, and `doctor` says so: appending goes on. A log that
  /// does not take it is an outage like any other.
  func keepCheckpoint(isLast: Bool = false) {
    guard outage == nil, isLast || isCheckpointDue else { return }
    lastCheckpoint = clock()
    do throws(StoreFailure) {
      try store.keepCheckpoint()
    } catch {
      if error.concernsLog { reportOutage(error) }
    }
  }

  private var isCheckpointDue: Bool {
    // A clock that was set back must not put the next one off.
    abs(clock().microseconds - lastCheckpoint.microseconds)
      >= settings.checkpointSeconds * 1_000_000
  }
}

extension Store {
  /// Signs what the log has and keeps it, in the log and as a file beside it; does nothing where that was
  /// done before. Only the thread that appends may.
  func keepCheckpoint() throws(StoreFailure) {
    let (head, kept) = try usingLog((log.head(), log.latestCheckpoint()))
    guard head.rawValue > kept?.size.count ?? 0 else { return }
    let signed = try signCheckpoint()
    let checkpoint = StoredCheckpoint(signed.note, size: signed.checkpoint.size)
    try usingLog(log.store(checkpoint))
    try Witness(ofStoreAt: path).replace(with: checkpoint.bytes)
  }
}
