public import EventLog
public import Evidence
public import QuotaModel

/// What a log is called in its checkpoints: by custom the address that it is served at, without the scheme.
public struct LogOrigin: Hashable, Sendable {
  public let text: String

  /// 1 to 200 bytes without spaces, plus signs and control characters; nil for anything else.
  public init?(_ text: String) {
    guard text.utf8.count <= 200, KeyName(text) != nil else { return nil }
    self.text = text
  }

  /// What a log was named, or is called where nobody named it.
  init(naming log: LMDBLog) throws(StoreFailure) {
    let text = try usingLog(log.origin())
    self = text.flatMap(LogOrigin.init) ?? LogOrigin(of: log.identity.id)
  }

  /// For a log that nobody named.
  init(of log: UserID) { text = "quotalog/\(log)" }

  var keyName: KeyName {
    guard let name = KeyName(text) else { preconditionFailure("an origin is a key's name") }
    return name
  }
}

extension Store {
  /// What the log is called in its checkpoints.
  public func origin() throws(StoreFailure) -> LogOrigin { try LogOrigin(naming: log) }

  /// The key whose signatures prove what this store says.
  public func verifyingKey() throws(StoreFailure) -> VerifyingKey {
    try signingKey().verifyingKey
  }

  func signingKey() throws(StoreFailure) -> SigningKey {
    let key = CheckpointKey(ofStoreAt: path)
    guard let found = try key.read() else { throw .keyMissing(path: key.path) }
    return found
  }

  /// Names the log and makes its key, where nobody has done so before. A key that is lost is not replaced:
  /// whoever trusts the old one would not know.
  func prepareEvidence(named name: LogOrigin? = nil) throws(StoreFailure) {
    let origin = name ?? LogOrigin(of: logID)
    _ = try usingLog(log.setOrigin(origin.text))
    let key = CheckpointKey(ofStoreAt: path)
    guard try key.read() == nil else { return }
    let count = try usingLog(log.checkpointCount())
    if count == 0 { _ = try key.create(try self.origin().keyName) }
  }

  /// Makes another key, which signs from now on. Whoever checks has to be told.
  public func changeKey() throws(StoreFailure) -> VerifyingKey {
    try CheckpointKey(ofStoreAt: path).create(try origin().keyName).verifyingKey
  }

  /// Signs what the log has now: everything in it is on the disk.
  public func signCheckpoint() throws(StoreFailure) -> SignedCheckpoint {
    let key = try signingKey()
    let origin = try origin()
    let head = try usingLog(log.head())
    let size = TreeSize(head.rawValue)
    let root = try usingProofs(log.root(of: size))
    do throws(CheckpointRefusal) {
      return try SignedCheckpoint(
        Checkpoint(origin: origin.text, size: size, root: root), signedBy: key)
    } catch {
      throw .keyDamaged(path: path, error.description)
    }
  }

  /// The latest checkpoint that was kept, if it is about `size` records or more and the present key has
  /// signed it; else one that is signed now.
  ///
  /// What an earlier key signed holds, but whoever has just got the present one does not know that key.
  public func checkpoint(of size: TreeSize = 0) throws(StoreFailure) -> SignedCheckpoint {
    let kept = try usingLog(log.latestCheckpoint())
    guard let kept, kept.size >= size else { return try signCheckpoint() }
    let key = CheckpointKey(ofStoreAt: path)
    let (origin, keys) = (try origin().text, try key.readPublic())
    let signed = try usingLog(KeptCheckpoint(kept).verified(origin: origin, keys: keys))
    guard let present = keys.first, !signed.signers.contains(present),
      Files.exists(key.path)
    else { return signed }
    return try signCheckpoint()
  }

  /// A proof that stands by itself: the record, its way to the root, and a signed checkpoint.
  public func proof(
    of position: Position
  ) throws(StoreFailure) -> Result<LogProof, ProofRefused> {
    let (entry, head) = try usingLog((log.record(at: position), log.head()))
    guard let entry else { return .failure(.beyondEnd(size: TreeSize(head.rawValue))) }
    let signed = try checkpoint(of: TreeSize(position.rawValue))
    let proof = try usingProofs(log.inclusionProof(of: position, in: signed.checkpoint.size))
    return .success(
      LogProof(entry: entry, index: proof.index, path: proof.path, checkpoint: signed.note))
  }

  /// A proof of consecutive records that stands by itself, for those who have the records.
  public func proof(
    from first: Position, to last: Position
  ) throws(StoreFailure) -> RangeProof {
    let signed = try checkpoint(of: TreeSize(last.rawValue))
    return try usingProofs(
      RangeProof(
        before: log.frontier(of: TreeSize(first.rawValue - 1)),
        after: log.consistencyProof(from: TreeSize(last.rawValue), to: signed.checkpoint.size).path,
        checkpoint: signed.note))
  }
}
