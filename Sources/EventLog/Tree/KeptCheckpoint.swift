public import Evidence
internal import QuotaModel

/// A signed checkpoint where it is kept, to be held against a log.
///
/// Every check of one is made here, whoever asks: its form, its signature and its origin by `verified`,
/// what the log has at its size by `LMDBLog.fault(of:)`.
public struct KeptCheckpoint: Hashable, Sendable {
  public enum Place: Hashable, Sendable {
    /// In the log, under a size.
    case log(TreeSize)
    /// In a file, by whose name errors call it.
    case file(String)
  }

  public let place: Place
  public let bytes: [UInt8]

  public init(_ place: Place, _ bytes: [UInt8]) { (self.place, self.bytes) = (place, bytes) }

  public init(_ stored: StoredCheckpoint) { self.init(.log(stored.size), stored.bytes) }

  /// What it says, once it has the form, one of `keys` has signed it, it is about the log that is called
  /// `origin` (nil: about any), and about the size that it is stored under.
  public func verified(
    origin: String?, keys: [VerifyingKey]
  ) throws(LogFailure) -> SignedCheckpoint {
    let signed: SignedCheckpoint
    do {
      signed = try SignedCheckpoint(verifying: bytes, origin: origin, keys: keys)
    } catch {
      throw .treeDiffers(.checkpoint(place, .refused(error)))
    }
    let found = signed.checkpoint.size
    if case .log(let size) = place, size != found {
      throw .treeDiffers(.checkpoint(place, .misplaced(under: size, found: found)))
    }
    return signed
  }
}

/// What is wrong with a checkpoint.
public enum CheckpointFault: Hashable, Sendable {
  /// It is none, not one of this log, or not one that the key signed.
  case refused(CheckpointRefusal)
  /// It says another size than the one that it is stored under.
  case misplaced(under: TreeSize, found: TreeSize)
  /// It is about more records than there are.
  case beyondEnd(TreeSize, head: TreeSize)
  /// It states another root than the records have at its size.
  case otherRoot(TreeSize, signed: Digest256, computed: Digest256)
}

extension Checkpoint {
  /// What keeps a log of `head` records from bearing it out; nil where nothing does. `root`: that of the
  /// log's first records, as many as this is about.
  func fault<Failure: Error>(
    inLogOf head: TreeSize, root computed: () throws(Failure) -> Digest256
  ) throws(Failure) -> CheckpointFault? {
    guard size <= head else { return .beyondEnd(size, head: head) }
    let computed = try computed()
    return root == computed ? nil : .otherRoot(size, signed: root, computed: computed)
  }
}

extension LMDBLog {
  /// What keeps this log from bearing out a checkpoint; nil where nothing does.
  public func fault(of checkpoint: Checkpoint) throws(LogFailure) -> CheckpointFault? {
    try checkpoint.fault(inLogOf: TreeSize(head().rawValue)) { () throws(LogFailure) in
      do throws(ProofRefused) { return try root(of: checkpoint.size) } catch {
        throw LogFailure(error)
      }
    }
  }
}

extension LogFailure {
  public init(_ refused: ProofRefused) {
    self =
      switch refused {
      case .log(let failure): failure
      case .beyondEnd, .notInTree, .sizesInWrongOrder: .other(refused.description)
      }
  }
}
