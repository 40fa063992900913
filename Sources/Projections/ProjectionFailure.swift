internal import LMDB
public import QuotaModel

/// Why a projection could not do what was asked. None of these loses anything: the log has it.
public enum ProjectionFailure: Error, Hashable, Sendable {
  /// No room for the projection; folding goes on from the log when there is some.
  case diskFull
  /// The disk failed, or is full and says so this way.
  case inputOutput
  /// The process lacks a right.
  case permissionDenied(path: String)
  /// There is no projection at the path.
  case missing(path: String)
  /// A row is not what the table holds: rebuild.
  case malformedRow(table: String)
  /// A page check found a page that contradicts itself or others: rebuild.
  case pageDamaged(path: String, String)
  /// An event came out of order.
  case gap(expected: Position, found: Position)
  /// An event speaks of something that no event before it made.
  case contradiction(at: Position, String)
  /// The log moves to another calendar after spends were counted: everything has to be folded anew.
  case calendarChanged(CalendarSetting)
  /// The rules of a time zone cannot be read.
  case unknownZone(String)
  /// Anything else, in the store's words.
  case other(String)

  init(_ error: LMDBError, path: String = "the projections") {
    self =
      switch error {
      case .mapFull, .noSpace: .diskFull
      case .inputOutput, .failedBefore: .inputOutput
      case .permissionDenied: .permissionDenied(path: path)
      case .noSuchDirectory, .noSuchTable: .missing(path: path)
      case .corrupted, .notAnEnvironment, .otherVersion: .malformedRow(table: "pages")
      case .readersFull, .networkFileSystem, .alreadyOpen, .fileTooLarge, .heldByReaders, .other:
        .other(error.description)
      }
  }
}

extension ProjectionFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .diskFull: "the disk is full: make room, and folding goes on by itself"
    case .inputOutput:
      "the disk reported an input/output error: it may be full (make room, and folding goes on by "
        + "itself), or failing (see the kernel's log)"
    case .permissionDenied(let path): "permission denied for \(path)"
    case .missing(let path): "there is no projection at \(path): run `quotalog rebuild`"
    case .malformedRow(let table):
      "the projection's table \(table) is damaged: run `quotalog rebuild`"
    case .pageDamaged(let path, let text):
      "the projection's file \(path)/data.mdb is damaged in \(text); the log has everything: "
        + "run `quotalog rebuild`"
    case .gap(let expected, let found): "position \(found) was folded where \(expected) is due"
    case .contradiction(let position, let text): "the event at position \(position) \(text)"
    case .calendarChanged(let setting):
      "the calendar changes to \(setting.zone), weeks from \(setting.weekStart.name)"
    case .unknownZone(let zone): "the tz database has no zone \(zone)"
    case .other(let text): text
    }
  }
}
