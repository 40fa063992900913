public import EventLog
public import Evidence
internal import QuotaModel

/// A checkpoint that somebody keeps, and what errors call it.
public struct KeptCheckpoint: Sendable {
  public let name: String
  public let bytes: [UInt8]

  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

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
    let log = try usingLog { () throws(LogFailure) in
      try LMDBLog(at: path + "/log", mode: .reading)
    }
    let named = try usingLog { () throws(LogFailure) in try log.origin() }
    let origin = named ?? LogOrigin(of: log.identity.id).text
    let keys = if let keys { keys } else { try publishedKeys(ofStoreAt: path) }
    var all = kept
    let witness = Witness(ofStoreAt: path)
    if let bytes = try witness.read() {
      all.append(KeptCheckpoint(name: witness.path, bytes: bytes))
    }
    let claims = try all.map { (kept) throws(StoreFailure) in
      Claim(name: kept.name, try kept.checkpoint(origin: origin, keys: keys))
    }
    return try usingLog { () throws(LogFailure) in
      let verification = LogVerification(of: log, origin: origin, keys: keys, claims: claims)
      return try verification.run(progress: progress)
    }
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

extension KeptCheckpoint {
  fileprivate func checkpoint(
    origin: String, keys: [VerifyingKey]
  ) throws(StoreFailure) -> Checkpoint {
    do throws(CheckpointRefusal) {
      return try Checkpoint(verifying: bytes, origin: origin, keys: keys)
    } catch {
      throw .checkpointRefused(name: name, error)
    }
  }
}
