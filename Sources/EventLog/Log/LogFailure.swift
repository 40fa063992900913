internal import LMDB
public import QuotaModel

/// Why a log could not do what was asked, named for what the caller can do about it.
public enum LogFailure: Error, Hashable, Sendable {
  /// There is no log at the path.
  case missing(path: String)
  /// There is one already.
  case exists(path: String)
  /// The file is something else.
  case notALog(path: String)
  /// A newer program wrote it.
  case newerFormat(found: UInt64, supported: UInt64)
  /// The process lacks a right.
  case permissionDenied(path: String)
  /// The path lies on a file system that LMDB cannot work on.
  case networkFileSystem(name: String, path: String)
  /// This process has it open already.
  case alreadyOpen(path: String)
  /// No room: nothing was appended; appends work again as soon as there is room.
  case diskFull
  /// The disk failed, or is full and says so this way.
  case inputOutput
  /// The bytes at a position are not what was written there.
  case damaged(at: Position, RecordDamage)
  /// The pages of the file contradict each other.
  case corrupted(path: String)
  /// No program that keeps a Merkle tree has opened the log for appending yet.
  case noTree(path: String)
  /// The Merkle tree is not that of the records.
  case treeDiffers(TreeDifference)
  /// A page check found a page that contradicts itself or others.
  case pageDamaged(path: String, String, AffectedRecords)
  /// Somebody else has appended: the log ends elsewhere than what was to go on behind it.
  case endsElsewhere(at: Position)
  /// Anything else, in the store's words.
  case other(String)

  init(_ error: LMDBError, path: String) {
    self =
      switch error {
      case .mapFull, .noSpace: .diskFull
      case .inputOutput, .failedBefore: .inputOutput
      case .corrupted: .corrupted(path: path)
      case .notAnEnvironment, .otherVersion: .notALog(path: path)
      case .permissionDenied: .permissionDenied(path: path)
      case .noSuchDirectory: .missing(path: path)
      case .networkFileSystem(let name): .networkFileSystem(name: name, path: path)
      case .alreadyOpen: .alreadyOpen(path: path)
      case .noSuchTable: .notALog(path: path)
      case .heldByReaders: .other("readers still hold the log open")
      case .readersFull, .fileTooLarge, .other: .other(error.description)
      }
  }
}

/// What may go wrong for somebody who reads a log: that of the log, and of what is done with it.
public protocol FailureOfReading: Error {
  init(_ failure: LogFailure)
}

extension LogFailure: FailureOfReading {
  public init(_ failure: LogFailure) { self = failure }
}

extension LogFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing(let path): "there is no log at \(path)"
    case .exists(let path): "there is a log at \(path) already"
    case .notALog(let path): "\(path) holds no quotalog log"
    case .newerFormat(let found, let supported):
      "the log has format \(found), this program knows up to \(supported): use a newer quotalog"
    case .permissionDenied(let path): "permission denied for \(path)"
    case .networkFileSystem(let name, let path):
      "\(path) lies on a network file system (\(name)); use a local disk"
    case .alreadyOpen(let path): "\(path) is open in this process already"
    case .diskFull: "the disk is full: make room, and writing goes on by itself"
    case .inputOutput:
      "the disk reported an input/output error: it may be full (make room, and writing goes on by itself), "
        + "or failing (see the kernel's log)"
    case .damaged(let position, let damage): "the log is damaged at position \(position): \(damage)"
    case .corrupted(let path): "the pages of \(path) contradict each other: restore a backup"
    case .noTree(let path):
      "the log at \(path) has no Merkle tree yet: serve it once, or run `quotalog checkpoint`"
    case .treeDiffers(let difference): difference.description
    case .pageDamaged(let path, let text, let records):
      "the log's file \(path)/data.mdb is damaged in \(text); \(records); restore a backup of it"
    case .endsElsewhere(let position):
      "somebody else has appended to the log: it ends at position \(position)"
    case .other(let text): text
    }
  }
}
