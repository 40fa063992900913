internal import EventLog
public import Projections
public import QuotaModel

/// Decides commands, appends what follows to the log, and folds it. Belongs to one thread.
public final class Ledger {
  let store: Store
  let settings: LedgerSettings
  let clock: Clock
  /// When a checkpoint was kept, or should have been.
  var lastCheckpoint: Moment
  private var folder: Folder
  /// Why the next command has to wait for a recovery; nil while all is well.
  private var trouble: StoreFailure?
  private var lostRights = LostRights()
  private var lastStored: Moment

  /// Events that are folded and not stored, at most, but for the last batch.
  private static let maximumUnstoredCount = 24_576
  private static let maximumUnstoredMicroseconds: Int64 = 2_000_000
  private static let minimumWaitMicroseconds: Int64 = 20_000
  /// How long a deadline is left alone that came and brought nothing about.
  private static let idleWaitMicroseconds: Int64 = 1_000_000
  /// How long a ledger without a background waits for readers of what was erased.
  private static let overwritingTime = Duration.seconds(10)
  /// When time brings something about next, as of the last batch.
  public private(set) var nextDeadline: Moment?
  /// What the clock showed at the last batch; before the first, when the last event was recorded.
  private var latestNow = Moment(microseconds: .min)
  /// The next deadline that the tables have in order: of calls in sessions, of scheduled changes.
  private var storedDeadline: Moment?

  /// Told what happened in sessions, once it is durable and before anybody gets an answer.
  public var onNews: (([SessionNews]) -> Void)?

  /// Told that rights have changed, once that is durable and before anybody gets an answer.
  public var onRightsChanged: ((RightsEpoch) -> Void)?

  /// Has the bytes overwritten that erased users left behind; nil: on the thread of the ledger.
  public var overwriteInBackground: (() -> Void)? {
    didSet { if overwriteInBackground != nil, hasRemains { overwriteRemains() } }
  }
  private var hasRemains = false

  /// Where the projection's tables are written; nil: on the thread of the ledger.
  public var storeInBackground: ((StoreJob) -> Void)? {
    get { folder.runInBackground }
    set { folder.runInBackground = newValue }
  }

  public init(
    store: Store, settings: LedgerSettings = LedgerSettings(),
    clock: @escaping Clock = System.clock
  ) throws(StoreFailure) {
    self.store = store
    self.settings = settings
    self.clock = clock
    lastStored = clock()
    lastCheckpoint = Moment(microseconds: 0)
    folder = try Self.folder(of: store)
    trouble = store.outageSinceStart
    do throws(StoreFailure) {
      try reconcileNames()
    } catch {
      // Questions can be answered, and the recovery does it.
      guard error.remedy == .makeRoom else { throw error }
      trouble = trouble ?? error
    }
    nextDeadline = try firstDeadline()
    latestNow = folder.state.recordedAt
  }

  /// Why commands fail at the moment; nil while they do not.
  public var outage: StoreFailure? { trouble }

  /// When the last event was recorded.
  var recordedAt: Moment { folder.state.recordedAt }

  /// Has commands fail until a recovery.
  func reportOutage(_ failure: StoreFailure) { trouble = failure }

  /// Decides the submissions in order and answers each; what the answers say is durable.
  ///
  /// Either every event of the submissions is in the log, or none is and every answer says so.
  public func execute(_ submissions: [Submission]) -> [Answer] {
    execute(submissions.map { Committer.Ticket($0, number: 0) }).map(\.answer)
  }

  /// The same for submissions that are told apart by number.
  func execute(_ tickets: [Committer.Ticket]) -> [Committer.NumberedAnswer] {
    defer { if hasRemains { overwriteRemains() } }
    do throws(StoreFailure) {
      if trouble != nil { try recover() }
      return try decideAndAppend(tickets)
    } catch {
      trouble = error
      let answer = Answer.failed(.unavailable(reason: error.description))
      return tickets.map { ($0.number, answer) }
    }
  }

  /// Tries to end an outage; answers whether commands are taken again.
  @discardableResult
  public func recover() throws(StoreFailure) -> Bool {
    if let failure = trouble, failure.concernsLog {
      try usingLog { () throws(LogFailure) in
        try store.log.recover()
        try store.log.probe()
      }
    }
    // A job that is still running must not write behind the new folder's back.
    try? folder.finishStoring()
    let runInBackground = folder.runInBackground
    try store.takeIntoUse()
    try storePublished()
    folder = try Self.folder(of: store)
    try LogFold(log: store.log).catchUp(folder)
    folder.runInBackground = runInBackground
    try reconcileNames()
    nextDeadline = try firstDeadline()
    trouble = nil
    // What was folded now may have taken rights away.
    onRightsChanged?(lostRights.epoch)
    return true
  }

  /// Folds again, and stores, what readers were shown and an abandoned folder has not stored; they see it as
  /// before meanwhile, and the tables alone from then on. Shown to them by another folder as well, it would be
  /// there twice.
  private func storePublished() throws(StoreFailure) {
    let generation = store.generation
    let shown = try usingProjection(
      generation.read { (snapshot) throws(ProjectionFailure) in try snapshot.state().position })
    let folder = try Self.folder(of: store, publishes: false)
    try LogFold(log: store.log).catchUp(folder, upTo: shown)
    generation.forgetPublished()
  }

  /// Goes on with another generation of the projection, between two batches; answers the folder that
  /// it went on with until now. `takeEffect` makes that known to whoever opens the store next.
  ///
  /// When it throws, nothing has changed.
  func adopt(
    _ successor: Folder, takeEffect: () throws(StoreFailure) -> Void
  ) throws(StoreFailure) -> Folder {
    if let trouble { throw trouble }
    try LogFold(log: store.log).takeTail(successor)
    try takeEffect()
    let predecessor = folder
    successor.runInBackground = folder.runInBackground
    folder = successor
    store.replaceGeneration(with: successor.generation)
    return predecessor
  }

  private func decideAndAppend(
    _ tickets: [Committer.Ticket]
  ) throws(StoreFailure) -> [Committer.NumberedAnswer] {
    var batch = try beginBatch()
    // A decision counts no hold that is over, however many are due.
    while try !batch.letTimePass() {
      let hasDoneNothing = batch.records.isEmpty
      try commit(batch)
      if let trouble { throw trouble }
      batch = try beginBatch()
      // What is due and cannot be ended keeps nobody from their answer.
      if hasDoneNothing { break }
    }
    latestNow = batch.now
    if tickets.count > 1 { batch.fold.expect(tickets.compactMap(\.submission.command.spender)) }
    var answers: [Committer.NumberedAnswer] = []
    answers.reserveCapacity(tickets.count)
    for ticket in tickets { answers.append((ticket.number, try decide(ticket, in: &batch))) }
    try commit(batch)
    return answers
  }

  private func decide(
    _ ticket: Committer.Ticket, in batch: inout LedgerBatch
  ) throws(StoreFailure) -> Answer {
    let submission = ticket.submission
    if lostRights.mayConcern(submission.actor, since: ticket.rights) { return .rightsChanged }
    let answer = try batch.decide(submission)
    for fact in batch.takeRightsChanges() { lostRights.note(fact) }
    return answer
  }

  private func beginBatch() throws(StoreFailure) -> LedgerBatch {
    try LedgerBatch(store: store, folder: folder, settings: settings, clock: clock)
  }

  /// Appends what happened in the batch, and shows it. When it throws, nothing of the batch stands;
  /// when it does not, everything does, even where it leaves `trouble` behind.
  private func commit(_ batch: consuming LedgerBatch) throws(StoreFailure) {
    guard let segment = batch.segment else {
      try noteDeadline(of: batch)
      return batch.abandon()
    }
    try append(segment, try store.names.store(batch.newNames, batch.newTexts))
    let (news, erases, changesRights) = (batch.news, batch.erases, batch.changesRights)
    defer { publish(news, erases: erases) }
    // The events stand from here on, whatever becomes of the projection.
    let isDue = isStoringDue
    do throws(StoreFailure) {
      let holdDeadline = try batch.earliestHoldDeadline()
      let changesTables = batch.fold.changesTables
      // Not behind the tables, whose flush takes milliseconds: a right that has gone lets nobody in meanwhile.
      try batch.commit(mayWait: !isDue) { if changesRights { onRightsChanged?(lostRights.epoch) } }
      if changesTables { storedDeadline = try readStoredDeadline() }
      nextDeadline = nextDeadline(holdDeadline)
    } catch {
      trouble = error
    }
    if isDue { lastStored = clock() }
  }

  /// Tells what happened in sessions; what was said in a deleted one is erased, and what an erased
  /// user was called.
  private func publish(_ news: [SessionNews], erases: Bool) {
    // A projection that does not have the batch yet knows of no deletion: the recovery erases.
    if erases, trouble == nil {
      do throws(StoreFailure) { try eraseDeleted() } catch { trouble = error }
    }
    if !news.isEmpty { onNews?(news) }
  }

  /// Removes names and texts that the log does not bear out, before anything takes their place.
  private func reconcileNames() throws(StoreFailure) {
    if try store.reconcileNames() { hasRemains = true }
  }

  /// Erases the texts of sessions, and the names of users, whose deletion is in the log.
  private func eraseDeleted() throws(StoreFailure) {
    if try store.eraseDeleted() { hasRemains = true }
  }

  /// A failure is left to the next time: the marks stay.
  private func overwriteRemains() {
    hasRemains = false
    if let overwriteInBackground { return overwriteInBackground() }
    let end = ContinuousClock.now + Self.overwritingTime
    do throws(StoreFailure) {
      if try !store.names.overwriteRemains(while: { ContinuousClock.now < end }) {
        hasRemains = true
      }
    } catch {
      hasRemains = true
    }
  }

  /// Whether a deadline has come, or the clock was set back, so that deadlines have to be looked at.
  var isTimeDue: Bool {
    let now = clock()
    return now < latestNow || nextDeadline.map { $0 <= now } ?? false
  }

  /// Brings about what is due without a command.
  ///
  /// A deadline that came and brought nothing about belongs to something that has ended since. Once that is
  /// stored, the tables name the next one; whatever they name, this thread sleeps until it is later.
  func letTimePass() {
    let before = folder.state.position
    _ = execute([Committer.Ticket]())
    guard trouble == nil, folder.state.position == before else { return }
    storeFolded()
    guard trouble == nil else { return }
    do throws(StoreFailure) {
      nextDeadline = try firstDeadline()
    } catch {
      trouble = error
      return
    }
    let now = clock()
    guard let deadline = nextDeadline, deadline <= now else { return }
    nextDeadline = Moment(microseconds: now.microseconds + Self.idleWaitMicroseconds)
  }

  /// Whether something is folded and not stored.
  public var hasUnstored: Bool { folder.unstoredCount > 0 }

  /// Stores what was folded and is only in memory, where there is any; waits for it.
  public func storeFolded() {
    guard trouble == nil else { return }
    do throws(ProjectionFailure) {
      try folder.storeAll()
      lastStored = clock()
    } catch {
      trouble = .projection(error)
    }
  }

  /// Whether enough has gathered, or waited long enough: what is not stored has to be folded again
  /// after a crash, and takes memory.
  private var isStoringDue: Bool {
    if folder.unstoredCount >= Self.maximumUnstoredCount { return true }
    return abs(clock().microseconds - lastStored.microseconds) > Self.maximumUnstoredMicroseconds
  }

  private func append(_ segment: Segment, _ names: NameTally?) throws(StoreFailure) {
    try usingLog(store.log.append(segment, names: names))
  }

  private func noteDeadline(of batch: borrowing LedgerBatch) throws(StoreFailure) {
    nextDeadline = nextDeadline(try batch.earliestHoldDeadline())
  }

  private func firstDeadline() throws(StoreFailure) -> Moment? {
    let batch = try beginBatch()
    storedDeadline = try readStoredDeadline()
    let deadline = nextDeadline(try batch.earliestHoldDeadline())
    batch.abandon()
    return deadline
  }

  /// The next moment at which time brings something about.
  private func nextDeadline(_ holdDeadline: Moment?) -> Moment? {
    // What has ended may still be the first: everything due was looked at a moment ago.
    let soon = Moment(microseconds: clock().microseconds + Self.minimumWaitMicroseconds)
    return [storedDeadline, holdDeadline].compactMap(\.self).min().map { max($0, soon) }
  }

  private func readStoredDeadline() throws(StoreFailure) -> Moment? {
    let deadlines = try usingProjection(
      store.generation.read { (snapshot) throws(ProjectionFailure) in
        [try snapshot.firstCallDeadline(), try snapshot.firstScheduledMoment()]
      })
    return deadlines.compactMap(\.self).min()
  }

  private static func folder(
    of store: Store, publishes: Bool = true
  ) throws(StoreFailure) -> Folder {
    try usingProjection(
      Folder(
        generation: store.generation, purpose: .deciding, publishes: publishes,
        calendarSource: TimeZones.source))
  }
}

extension LedgerBatch {
  /// A moment before which no hold expires.
  func earliestHoldDeadline() throws(StoreFailure) -> Moment? {
    return try usingProjection(fold.earliestDeadline())
  }

  consuming func commit(mayWait: Bool, whenShown: () -> Void) throws(StoreFailure) {
    do { try fold.commit(mayWait: mayWait, whenShown: whenShown) } catch {
      throw .projection(error)
    }
  }

  consuming func abandon() { fold.abandon() }
}

extension Command {
  /// The id of the user who has spent, where the command names one by id.
  fileprivate var spender: UserID? {
    guard case .recordUsage(let report) = self, case .id(let user) = report.user else { return nil }
    return user
  }
}

extension StoreFailure {
  /// Whether nothing can be appended until the log is opened again.
  var concernsLog: Bool {
    switch self {
    case .log, .diskFull: true
    case .missing, .exists, .notEmpty, .cannotCreate, .logLostItsEnd, .inUse, .permissionDenied,
      .unknownZone, .projection, .file, .importRefused, .projectionDiffers, .namesDamaged,
      .namesMissing, .positionsDamaged, .keyMissing, .keyDamaged,
      .backupRefused, .backupInUse, .generation:
      false
    }
  }
}

extension Answer {
  /// Nothing was done: whoever asks again is asked for the rights that there are now.
  fileprivate static let rightsChanged = failed(
    .unavailable(reason: "your rights changed while this waited: ask again"))
}
