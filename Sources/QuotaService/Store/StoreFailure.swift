public import EventLog
public import Projections
public import QuotaModel

/// Why a store cannot be opened or used; each description says what to do.
public enum StoreFailure: Error, Hashable, Sendable {
  case missing(path: String)
  case exists(path: String)
  /// The directory holds something else.
  case notEmpty(path: String)
  /// The directory cannot be made there.
  case cannotCreate(path: String, text: String)
  /// The projection has seen events that the log no longer has, or a checkpoint was signed for them.
  case logLostItsEnd(log: Position, projection: Position)
  case inUse(path: String, process: Int32?)
  case permissionDenied(path: String)
  case diskFull
  case unknownZone(String)
  case log(LogFailure)
  case projection(ProjectionFailure)
  case file(path: String, text: String)
  /// A line of an import does not fit: its number, and why.
  case importRefused(line: Int, String)
  /// A fresh fold of the log differs from the live projection.
  case projectionDiffers(String)
  /// A generation of the projection cannot be used as was asked.
  case generation(GenerationRefusal)
  /// The file of the names cannot be trusted.
  case namesDamaged(path: String, String)
  /// The file of the names lacks some that were given: so many it has, or had before they were erased.
  case namesMissing(path: String, found: UInt64, of: UInt64)
  /// A file of positions is not what was written there.
  case positionsDamaged(path: String, of: PositionReaders)
  /// The key that signs checkpoints is not there.
  case keyMissing(path: String)
  /// A backup, or a file of one, is not what it should be.
  case backupRefused(path: String, String)
  /// Another process writes the backup.
  case backupInUse(path: String, process: Int32?)
  /// The file of the key holds no key.
  case keyDamaged(path: String, String)
}

/// Who reads events and has a place in the log that a file keeps, which is called like them.
public enum PositionReaders: String, CaseIterable, Hashable, Sendable {
  case webhooks, consumers
}

extension StoreFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing(let path):
      "there is no store at \(path): create one with `quotalog init --data \(path)`"
    case .exists(let path):
      "there is a store at \(path) already: use it (`quotalog token issue USER` makes a token), or choose "
        + "another directory"
    case .notEmpty(let path):
      "the directory \(path) is not empty: choose another one"
    case .cannotCreate(let path, let text):
      "\(path) cannot be made: \(text); choose another directory, or make its parent first"
    case .logLostItsEnd(let log, let projection):
      "the log ends at position \(log), but events up to \(projection) were acknowledged: "
        + "the log has lost its end; restore a backup of it, or accept the loss with "
        + "`quotalog rebuild --accept-lost-events`"
    case .inUse(let path, let process):
      "the store at \(path) is in use by another process\(process.map { " (pid \($0))" } ?? ""): "
        + "stop it first, or ask the running server over HTTP"
    case .permissionDenied(let path):
      "permission denied for \(path): run as the user who owns it, or change its owner"
    case .diskFull: "the disk is full: make room and try again"
    case .unknownZone(let zone):
      "the system's tz database has no zone \(zone): "
        + "use a name such as Europe/Tallinn, and install tzdata if it is missing"
    case .log(let failure): failure.description
    case .projection(let failure): failure.description
    case .file(let path, let text): "\(path): \(text)"
    case .importRefused(let line, let text): "line \(line): \(text)"
    case .projectionDiffers(let text): text
    case .generation(let refusal): refusal.description
    case .namesDamaged(let path, let text):
      "the file of the names, \(path)/data.mdb, is damaged (\(text)): restore a backup of it"
    case .namesMissing(let path, let found, let count) where found < count:
      "the file of the names, \(path)/data.mdb, has \(found) of \(count) names that were given: \(Self.namesRemedy)"
    case .namesMissing(let path, _, _):
      "the file of the names, \(path)/data.mdb, lacks what was stored in it last: \(Self.namesRemedy)"
    case .positionsDamaged(let path, .webhooks):
      "\(path) is no list of webhook positions: restore a backup of it, or remove it to have every "
        + "webhook begin at the end of the log"
    case .positionsDamaged(let path, .consumers):
      "\(path) is no list of consumers: restore a backup of it, or remove it and make them again"
    case .keyMissing(let path):
      "the key that signs checkpoints, \(path), is missing: restore it from a backup; or, if it is lost "
        + "for good, make another with `quotalog checkpoint --new-key` and tell whoever has the old one"
    case .backupRefused(let path, let text): "\(path): \(text)"
    case .backupInUse(let path, let process):
      "another process\(process.map { " (pid \($0))" } ?? "") is writing the backup \(path): "
        + "wait until it has ended"
    case .keyDamaged(let path, let text):
      "\(path) holds no key (\(text)): restore it from a backup; or, if there is none, remove it and make "
        + "another with `quotalog checkpoint --new-key`"
    }
  }
}

extension StoreFailure {
  private static let namesRemedy =
    "put the right one back, or names.mdb of the latest backup in its place, and accept what is still missing "
    + "with `quotalog rebuild --accept-lost-names`"
}

extension StoreFailure: FailureOfReading {
  public init(_ failure: LogFailure) { self = .log(failure) }
}

/// The value that is read from a log, naming its failure as the store's.
///
/// What is thrown keeps its type on the way up, so whoever asks another module says so by one of these.
func usingLog<Value: ~Copyable>(
  _ value: @autoclosure () throws(LogFailure) -> Value
) throws(StoreFailure) -> Value {
  do { return try value() } catch { throw .log(error) }
}

/// Runs several steps, naming a log's failure as the store's.
func usingLog<Value: ~Copyable>(
  _ body: () throws(LogFailure) -> Value
) throws(StoreFailure) -> Value {
  do { return try body() } catch { throw .log(error) }
}

/// The value that is read from a projection, naming its failure as the store's.
func usingProjection<Value: ~Copyable>(
  _ value: @autoclosure () throws(ProjectionFailure) -> Value
) throws(StoreFailure) -> Value {
  do { return try value() } catch { throw .projection(error) }
}

/// Runs several steps, naming a projection's failure as the store's.
func usingProjection<Value: ~Copyable>(
  _ body: () throws(ProjectionFailure) -> Value
) throws(StoreFailure) -> Value {
  do { return try body() } catch { throw .projection(error) }
}

/// What can be proved, naming why nothing can be as the store's failure.
func usingProofs<Value: ~Copyable>(
  _ value: @autoclosure () throws(ProofRefused) -> Value
) throws(StoreFailure) -> Value {
  do { return try value() } catch { throw .log(LogFailure(error)) }
}
