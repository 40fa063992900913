public import EventLog
internal import Glibc
public import Projections
public import QuotaModel
internal import Synchronization

/// A data directory: the log, the names, the generations of the projection.
///
///     lock                    held by the one process that writes
///     checkpoint.key          what signs checkpoints of the log; checkpoint.pub is what checks them
///     checkpoint              the latest one, a witness beside the log
///     log/                    the events; flushed at every commit
///     names/                  what users are called; flushed at every commit
///     webhooks                how far receivers outside have come
///     consumers               how far named readers of events have come
///     projections/current     the numbers of the live generation and of the one before
///     projections/<number>/   the generations
public final class Store: Sendable {
  public let path: String
  public let log: LMDBLog
  /// What tells this log from every other.
  public var logID: UserID { log.identity.id }
  let names: NameStore
  let calendars = CalendarCache()
  /// Whether another process may be writing, whose projection is in its memory in part.
  var isBesideWriter: Bool { lock == nil }
  /// nil in a store that is only read.
  private let lock: WriterLock?
  private let live: Mutex<Generation>
  /// Why the projection could not be taken into use at the start, and is for questions only; nil once it
  /// was.
  private let startOutage: Mutex<StoreFailure?>

  /// What a process opens a store for.
  public enum Mode: Sendable {
    /// Alone; the projection is caught up with the log.
    case writing
    /// Beside whoever writes; the projection is as it is.
    case reading
  }

  /// Makes an empty store; the directory may exist if it is empty.
  ///
  /// `origin`: what the log is called in its checkpoints.
  public static func create(
    at path: String, clock: Clock, origin: LogOrigin? = nil
  ) throws(StoreFailure) {
    try StoreDraft(at: path, clock: clock, origin: origin).putInPlace()
  }

  /// Opens the store at `path`. Where the projection is missing, not trusted, or of another version,
  /// it is folded again from the log; `progress` is told how far that has come.
  ///
  /// With `checkingPages` a projection with damaged pages is one that is not trusted; it costs reading
  /// all of it.
  ///
  /// Throws `logLostItsEnd` where the projection has seen, or a checkpoint was signed for, more than the
  /// log has, and `namesMissing` where the names are fewer than the log has counted; only
  /// `acceptingLostEvents` and `acceptingLostNames` go on with what is left.
  public convenience init(
    at path: String, mode: Mode, acceptingLostEvents: Bool = false,
    acceptingLostNames: Bool = false, checkingPages: Bool = false, progress: ProgressReport? = nil
  ) throws(StoreFailure) {
    guard Files.exists(path + "/log/data.mdb") else { throw Self.absence(of: path) }
    try self.init(
      at: path, lock: mode == .writing ? try WriterLock(ofStoreAt: path) : nil,
      acceptingLostEvents: acceptingLostEvents, acceptingLostNames: acceptingLostNames,
      checkingPages: checkingPages, progress: progress)
  }

  /// Opens a store whose lock somebody has taken already; without one it is only read.
  init(
    at path: String, lock: WriterLock?, acceptingLostEvents: Bool = false,
    acceptingLostNames: Bool = false, checkingPages: Bool = false, progress: ProgressReport? = nil
  ) throws(StoreFailure) {
    let mode = lock == nil ? Mode.reading : .writing
    self.lock = lock
    let log = try usingLog(
      LMDBLog(at: path + "/log", mode: mode == .writing ? .appending : .reading))
    if mode == .writing {
      if acceptingLostEvents { try Self.changeKey(ofStoreAt: path, whereEventsAreLostFrom: log) }
      try Self.openTree(of: log, acceptingLostEvents: acceptingLostEvents, progress: progress)
      try Witness(ofStoreAt: path).check(
        against: log, keys: CheckpointKey(ofStoreAt: path), acceptingLostEvents: acceptingLostEvents
      )
    }
    self.log = log
    names = try NameStore(at: path + "/names", isReadOnly: mode == .reading)
    if !acceptingLostNames { try Self.checkNames(names, against: log) }
    let generations = Generations(ofStoreAt: path, log: log)
    let generation: Generation
    var outage: StoreFailure?
    if mode == .writing {
      (generation, outage) = try generations.openForWritingOrQuestions(
        acceptingLostEvents: acceptingLostEvents, checkingPages: checkingPages, progress: progress)
    } else {
      generation = try generations.openForReading(acceptingLostEvents: acceptingLostEvents)
    }
    live = Mutex(generation)
    startOutage = Mutex(outage)
    self.path = path
    guard mode == .writing else { return }
    try StoreDraft.removeLeftovers(ofStoreAt: path)
    try reconcileNamesAtStart()
    try prepareEvidence()
  }

  private static func openTree(
    of log: LMDBLog, acceptingLostEvents: Bool, progress: ProgressReport?
  ) throws(StoreFailure) {
    do {
      try log.openTree(progress: progress)
    } catch {
      guard case .treeDiffers(.recordsMissing) = error, acceptingLostEvents else {
        throw .log(error)
      }
      try usingLog(log.rebuildTree(progress: progress))
    }
  }

  /// Whether there is a store at `path`.
  public static func exists(at path: String) -> Bool { Files.exists(path + "/log/data.mdb") }

  /// The generation that answers questions.
  public var generation: Generation { live.withLock { $0 } }

  /// Why nothing was written since the start; nil as a rule.
  public var outageSinceStart: StoreFailure? { startOutage.withLock { $0 } }

  /// Takes the projection into use, where the start found no room for that.
  func takeIntoUse() throws(StoreFailure) {
    guard outageSinceStart != nil else { return }
    let generation = generation
    try usingProjection(generation.markInUse(bootID: System.bootID))
    startOutage.withLock { $0 = nil }
  }

  /// The new one is in use, whatever became of the old one at the start.
  func replaceGeneration(with generation: Generation) {
    live.withLock { $0 = generation }
    startOutage.withLock { $0 = nil }
  }

  /// Ends what this process did: the projection gets everything that the log has and is flushed, so that
  /// the next start can trust it, and what the log has is signed for, so that a lost end is noticed.
  ///
  /// The one end for whoever wrote, a server or a command. No ledger may be at work any more.
  public func close() throws(StoreFailure) {
    // What was never taken into use is closed still.
    guard lock != nil, outageSinceStart == nil else { return }
    let signing = Result { () throws(StoreFailure) in try keepCheckpoint() }
    try storeTail()
    try generations.close(generation)
    generations.closePrevious()
    // A log without a key, or with a damaged one, gets no checkpoint, and `doctor` says so.
    if case .failure(let failure) = signing, failure.concernsLog { throw failure }
  }

  /// Has the projection take what a ledger folded and kept in memory.
  private func storeTail() throws(StoreFailure) {
    let generation = generation
    let state = try usingProjection(generation.state())
    guard try state?.position != generations.head() else { return }
    try foldOrRebuild(progress: nil)
  }

  static func absence(of path: String) -> StoreFailure {
    if unsafe access(path, F_OK) != 0, errno == EACCES { return .permissionDenied(path: path) }
    if unsafe access(path + "/log", X_OK) != 0, errno == EACCES {
      return .permissionDenied(path: path)
    }
    return .missing(path: path)
  }
}

/// How far a long work has come: events done, events in all.
public typealias ProgressReport = (_ done: UInt64, _ total: UInt64) -> Void
