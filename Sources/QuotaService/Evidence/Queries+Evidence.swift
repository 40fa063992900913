public import EventLog
public import Evidence
public import QuotaModel

/// A proof with everything that it is about.
public struct ProvedInclusion: Sendable {
  public let value: InclusionProof
  public let leaf: Digest256
  public let root: Digest256
  /// The checkpoint that states the root; nil where another size was asked about.
  public let checkpoint: SignedCheckpoint?
}

/// A proof with everything that it is about.
public struct ProvedConsistency: Sendable {
  public let value: ConsistencyProof
  public let oldRoot: Digest256
  public let newRoot: Digest256
  /// The checkpoint that states the newer root; nil where another size was asked about.
  public let checkpoint: SignedCheckpoint?
}

extension Queries {
  public func origin() throws(StoreFailure) -> LogOrigin { try store.origin() }

  public func verifyingKey() throws(StoreFailure) -> VerifyingKey { try store.verifyingKey() }

  /// A checkpoint of everything that the log has.
  public func checkpoint() throws(StoreFailure) -> SignedCheckpoint {
    try store.checkpoint(of: TreeSize(head().rawValue))
  }

  /// The event at a position; nil past the head.
  public func event(at position: Position) throws(StoreFailure) -> Event? {
    try usingLog(store.log.event(at: position))
  }

  /// The hashes of a tile; nil where the log has not so many records.
  public func tile(_ id: TileID) throws(StoreFailure) -> [UInt8]? {
    try usingLog(store.log.tile(id))
  }

  /// The records behind a tile of leaf hashes, as `tlog-tiles` bundles them; nil where there are not so many.
  public func entries(_ id: TileID) throws(StoreFailure) -> [UInt8]? {
    try usingLog(store.log.entries(index: id.index, width: id.width))
  }

  /// Shows that a record is in the tree of `size`, or of the checkpoint that is at hand.
  public func inclusionProof(
    of position: Position, in size: TreeSize?
  ) throws(StoreFailure) -> Result<ProvedInclusion, ProofRefused> {
    let head = TreeSize(try head().rawValue)
    if position.rawValue > head.count { return .failure(.beyondEnd(size: head)) }
    let checkpoint = size == nil ? try store.checkpoint(of: TreeSize(position.rawValue)) : nil
    do throws(ProofRefused) {
      let size = size ?? checkpoint?.checkpoint.size ?? head
      return .success(
        ProvedInclusion(
          value: try store.log.inclusionProof(of: position, in: size),
          leaf: try store.log.leafHash(of: position), root: try store.log.root(of: size),
          checkpoint: checkpoint))
    } catch {
      return try refused(error)
    }
  }

  /// Shows that the tree of `new`, or of the checkpoint that is at hand, begins with that of `old`.
  public func consistencyProof(
    from old: TreeSize, to new: TreeSize?
  ) throws(StoreFailure) -> Result<ProvedConsistency, ProofRefused> {
    let head = TreeSize(try head().rawValue)
    if old > head { return .failure(.beyondEnd(size: head)) }
    let checkpoint = new == nil ? try store.checkpoint(of: old) : nil
    do throws(ProofRefused) {
      let new = new ?? checkpoint?.checkpoint.size ?? head
      return .success(
        ProvedConsistency(
          value: try store.log.consistencyProof(from: old, to: new),
          oldRoot: try store.log.root(of: old), newRoot: try store.log.root(of: new),
          checkpoint: checkpoint))
    } catch {
      return try refused(error)
    }
  }

  /// A proof of one record that stands by itself.
  public func proof(of position: Position) throws(StoreFailure) -> Result<LogProof, ProofRefused> {
    try store.proof(of: position)
  }

  private func refused<Value>(
    _ refused: ProofRefused
  ) throws(StoreFailure) -> Result<Value, ProofRefused> {
    if case .log(let failure) = refused { throw .log(failure) }
    return .failure(refused)
  }
}
