internal import LMDB
public import QuotaModel

/// Folds events into one generation; belongs to one thread.
///
/// Accounts that were touched stay in memory between batches, because nobody else changes them.
public final class Folder {
  /// What the events are folded for.
  public enum Purpose: Sendable {
    /// Decisions ask about events of the same batch.
    case deciding
    /// A long run from the log, where nobody asks in between.
    case rebuilding
    /// Readers are shown what is folded, and nothing is ever stored: the generation stays as it is.
    case showing

    /// Whether anybody asks for what was folded before it is stored.
    var isForReaders: Bool {
      switch self {
      case .deciding, .showing: true
      case .rebuilding: false
      }
    }

    var stores: Bool {
      switch self {
      case .deciding, .rebuilding: true
      case .showing: false
      }
    }
  }

  public let generation: Generation
  let purpose: Purpose
  /// Whether the calendar was given for good, whatever the events announce.
  let isCalendarPinned: Bool
  private let calendarSource: CalendarSource
  /// Whether readers see at once what was folded, and not only when it is stored.
  let publishes: Bool
  /// Cached accounts above which the older half is forgotten.
  private let maximumCachedAccountCount: Int
  var working: WorkingSet
  /// nil where nothing is put aside.
  private var longRun: LongRun?

  public init(
    generation: Generation, purpose: Purpose, publishes: Bool = true,
    isCalendarPinned: Bool = false, maximumCachedAccountCount: Int? = nil,
    eventsPerState: Int? = nil,
    calendarSource: @escaping CalendarSource
  ) throws(ProjectionFailure) {
    self.generation = generation
    self.purpose = purpose
    self.publishes = publishes && purpose.isForReaders
    self.isCalendarPinned = isCalendarPinned
    self.calendarSource = calendarSource
    self.maximumCachedAccountCount =
      maximumCachedAccountCount ?? (purpose == .rebuilding ? 262_144 : 131_072)
    guard let state = try generation.state() else { throw .missing(path: generation.path) }
    working = WorkingSet(
      state: state, calendar: try calendarSource(state.calendar),
      isSearchable: purpose.isForReaders)
    working.announcedCalendar = try generation.announcedCalendar()
    if let eventsPerState { working.eventsPerState = UInt64(eventsPerState) }
  }

  /// The state after the last committed batch.
  public var state: ProjectionState { working.state }

  /// The calendar in force.
  public var calendar: QuotaCalendar { working.calendar }

  /// The calendar that the latest event about it names. While rebuilding it may differ from the one
  /// that windows were made with; then everything has to be folded anew with this one.
  public var announcedCalendar: CalendarSetting { working.announcedCalendar }

  /// Events that are folded, visible, and not stored in the tables yet.
  public var unstoredCount: Int { working.unstoredCount }

  /// Asked for the root of the log's tree up to the state that a job stores, which it notes with it, on the
  /// thread of the job. nil where nobody may wait for that.
  public var rootSource: (@Sendable (Position) throws(ProjectionFailure) -> [UInt8])?

  /// Where jobs are carried out; nil: at once, on the thread of the fold.
  public var runInBackground: ((StoreJob) -> Void)?

  /// Begins a batch. It has to end by `commit` or, where nothing was folded, by `abandon`. After any
  /// other end the folder is of no use any more: the log has everything, and a new one folds it.
  public func beginBatch() throws(ProjectionFailure) -> FoldBatch {
    precondition(!working.isInBatch, "a batch was begun before the last one ended well")
    if let job = working.storing, job.isDone { try finishStoring() }
    let transaction: ReadTransaction
    do {
      let environment = generation.environment
      transaction =
        try purpose.stores ? environment.beginReadBeforeWrite() : environment.beginRead()
    } catch {
      throw ProjectionFailure(error, path: generation.path)
    }
    working.isInBatch = true
    return FoldBatch(folder: self, transaction: transaction)
  }

  /// Begins to store what is only in memory, unless that is being done.
  func startStoring() throws(ProjectionFailure) {
    precondition(purpose.stores, "a folder that only shows what it folds was asked to store it")
    guard working.storing == nil else { return }
    let job = StoreJob(generation, &working, longRun, rootSource)
    working.storing = job
    if publishes { generation.overlay.update { $0.beginStoring() } }
    guard let runInBackground else {
      job.run()
      return try finishStoring()
    }
    runInBackground(job)
  }

  /// Stores what a batch has folded, where it has to be stored or may not wait.
  func store(mayWait: Bool) throws(ProjectionFailure) {
    guard working.changesTables, purpose.isForReaders else {
      if !mayWait { try startStoring() }
      return
    }
    // Two jobs cannot run at once, and this one has to be done before anybody is told.
    try finishStoring()
    try startStoring()
    try finishStoring()
  }

  /// Waits until nothing is being stored.
  public func finishStoring() throws(ProjectionFailure) {
    guard let job = working.storing else { return }
    if let failure = job.wait() { throw failure }
    working.storing = nil
    if longRun != nil { working.reuse(job.takeGathered()) }
    if publishes { generation.overlay.update { $0.endStoring() } }
    if working.accounts.count > maximumCachedAccountCount {
      working.accounts.removeOldest()
      working.latestAccount = nil
    }
  }

  /// Waits until nothing is being stored, and begins to store what was folded meanwhile.
  public func storeNext() throws(ProjectionFailure) {
    try finishStoring()
    try startStoring()
  }

  /// Goes on with a long run in which an earlier process was killed; begins one where `isLong`: where a
  /// rebuild has so many events to fold that their rows are better put aside first.
  ///
  /// `storeAll` has to follow. Until then, rows of the events are missing in the tables.
  public func prepareRun(isLong: Bool) throws(ProjectionFailure) {
    guard purpose == .rebuilding, longRun == nil else { return }
    let isUnfinished = try LongRun.isUnfinished(in: generation.path)
    guard isLong || isUnfinished else { return }
    longRun = try LongRun.open(in: generation, at: state.position)
    if longRun != nil { working.gathered = GatheredRows(after: state.position) }
  }

  /// Stores everything that is folded, and waits until it is.
  public func storeAll() throws(ProjectionFailure) {
    try finishStoring()
    working.mustStoreState = true
    defer { working.mustStoreState = false }
    if state.position > working.storedPosition {
      try beginBatch().commit(mayWait: false)
      try finishStoring()
    }
    try longRun?.finish()
    longRun = nil
    working.gathered = nil
  }

  func rules(of setting: CalendarSetting) throws(ProjectionFailure) -> QuotaCalendar {
    try calendarSource(setting)
  }
}
