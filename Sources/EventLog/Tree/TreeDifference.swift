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
  /// What was signed about the log is wrong, or the log is.
  case checkpoint(KeptCheckpoint.Place, CheckpointFault)
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
    case .checkpoint(.log(let size), let fault): fault.text(storedFor: size)
    case .checkpoint(.file(let name), let fault): fault.text(inFile: name)
    }
  }
}

extension CheckpointFault {
  fileprivate func text(storedFor size: TreeSize) -> String {
    switch self {
    case .refused(let refusal): "the checkpoint of \(size) records: \(refusal)"
    case .misplaced(_, let found): "the checkpoint stored for \(size) records is about \(found)"
    case .beyondEnd(let size, let head):
      TreeDifference.recordsMissing(head: Position(head.count), tree: size).description
    case .otherRoot(let size, let signed, let computed):
      "the checkpoint of \(size) records states the root \(signed), but the records have \(computed):"
        + " the log, or the checkpoint, was replaced"
    }
  }

  fileprivate func text(inFile name: String) -> String {
    switch self {
    case .refused(.note(.unknownKeys)):
      "\(name) was signed by no key that is trusted here: name the log's key with --key, or a file of "
        + "its keys, one a line"
    case .refused(let refusal): "\(name): \(refusal); get it again from where it was kept"
    case .misplaced(let size, let found):
      "\(name), kept for \(size) records, is about \(found)"
    case .beyondEnd(let size, let head):
      "\(name) was signed when the log had \(size) records, and it ends at position \(head): records "
        + "are missing; keep this log for whoever looks into it, and restore one that has them"
    case .otherRoot(let size, let signed, let computed):
      "\(name) states the root \(signed) for \(size) records, but the records have \(computed): the log "
        + "was replaced by one with another past; restore the one that was signed"
    }
  }
}
