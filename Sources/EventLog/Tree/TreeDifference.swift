public import Evidence
public import QuotaModel

/// How the stored Merkle tree, or what was signed about it, differs from the records.
public enum TreeDifference: Error, Hashable, Sendable {
  /// The tree has leaves of records that the log no longer has.
  case recordsMissing(head: Position, tree: TreeSize)
  /// A tile is missing, or has fewer hashes than it should.
  case tileMissing(TileID)
  /// A tile has another hash than the records give; the first record that it is about.
  case tileDiffers(TileID, record: Position)
  /// A signed checkpoint states another root than the records have at its size.
  case rootDiffers(TreeSize, signed: Digest256, computed: Digest256)
  /// What is stored as a checkpoint is none, or not one that the key signed.
  case checkpoint(TreeSize, CheckpointRefusal)
  /// A checkpoint says another size than the one that it is stored under.
  case checkpointMisplaced(TreeSize, found: TreeSize)
  /// A statement from elsewhere is about more records than there are.
  case claimBeyondEnd(Claim, head: Position)
  /// A statement from elsewhere has another root than the records at its size.
  case claimDiffers(Claim, computed: Digest256)
}

/// A checkpoint from elsewhere that a log has to bear out, whose signature was checked.
public struct Claim: Hashable, Sendable {
  /// What errors call it: a file.
  public let name: String
  public let checkpoint: Checkpoint

  public init(name: String, _ checkpoint: Checkpoint) {
    (self.name, self.checkpoint) = (name, checkpoint)
  }
}

extension TreeDifference: CustomStringConvertible {
  public var description: String {
    switch self {
    case .recordsMissing(let head, let tree):
      "the log ends at position \(head), but its Merkle tree has \(tree) leaves: "
        + "records behind \(head) are missing"
    case .tileMissing(let id): "\(id.path) of the Merkle tree is missing or too short"
    case .tileDiffers(let id, let record):
      "\(id.path) of the Merkle tree is not that of the records: they part at position \(record)"
    case .rootDiffers(let size, let signed, let computed):
      "the checkpoint of \(size) records states the root \(signed), but the records have \(computed):"
        + " the log, or the checkpoint, was replaced"
    case .checkpoint(let size, let refusal): "the checkpoint of \(size) records: \(refusal)"
    case .checkpointMisplaced(let size, let found):
      "the checkpoint stored for \(size) records is about \(found)"
    case .claimBeyondEnd(let claim, let head):
      "\(claim.name) was signed when the log had \(claim.checkpoint.size) records, and it ends at "
        + "position \(head): records are missing; keep this log for whoever looks into it, and restore "
        + "one that has them"
    case .claimDiffers(let claim, let computed):
      "\(claim.name) states the root \(claim.checkpoint.root) for \(claim.checkpoint.size) records, but "
        + "the records have \(computed): the log was replaced by one with another past; restore the one "
        + "that was signed"
    }
  }
}
