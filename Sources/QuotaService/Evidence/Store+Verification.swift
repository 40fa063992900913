public import EventLog
public import Evidence
internal import QuotaModel

extension Store {
  /// Checks every record of the log at `path`, the Merkle tree over them, and every checkpoint: those in the
  /// log, the witness beside it, and `kept` ones from elsewhere.
  ///
  /// - Parameters:
  ///   - keys: Whose signatures count; nil: the store's own. Somebody who replaces a whole store replaces
  ///     its keys, too: only keys that were got before show that.
  ///   - kept: Checkpoints that the log has to bear out, whatever it says now.
  ///
  /// Throws at the first thing that is not as it was written.
  public static func verifyLog(
    at path: String, trusting keys: [VerifyingKey]? = nil, kept: [KeptCheckpoint] = [],
    progress: ProgressReport? = nil
  ) throws(StoreFailure) -> LogVerification.Report {
    guard Files.exists(path + "/log/data.mdb") else { throw absence(of: path) }
    let log = try usingLog(LMDBLog(at: path + "/log", mode: .reading))
    let origin = try LogOrigin(naming: log).text
    let keys = if let keys { keys } else { try publishedKeys(ofStoreAt: path) }
    let all = try kept + [Witness(ofStoreAt: path).read()].compactMap(\.self)
    return try usingLog(
      LogVerification(of: log, origin: origin, keys: keys, kept: all).run(progress: progress))
  }
}

extension Store {
  /// The keys that the store at `path` publishes, the present one first.
  public static func publishedKeys(
    ofStoreAt path: String
  ) throws(StoreFailure) -> [VerifyingKey] {
    try CheckpointKey(ofStoreAt: path).readPublic()
  }
}
