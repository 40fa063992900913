internal import EventLog
internal import Projections
internal import QuotaModel

/// Commands decided together: the events they cause, folded as they are made, so that each command
/// is decided on everything before it.
struct LedgerBatch: ~Copyable {
  let store: Store
  let settings: LedgerSettings
  /// The clock as it is, read once for the whole batch; everything is decided by it.
  let now: Moment
  /// When the log takes the batch: the same, but never earlier than the event before. It is for the
  /// record and decides nothing.
  let recordedAt: Moment
  var fold: FoldBatch
  private(set) var records = RecordBatch()
  /// Names given in this batch; they are stored before the events are.
  private(set) var newNames: [UserName: UserID] = [:]
  /// Texts of sessions; they are stored before the events are.
  private(set) var newTexts: [SessionText] = []
  /// Whether something is to be erased when the batch stands.
  private(set) var erases = false
  /// Whether it changes who may do what.
  private(set) var changesRights = false
  /// What changed them, since somebody last took it.
  private var rightsChanges: [Fact] = []
  /// What happened in sessions, in order.
  private(set) var news: [SessionNews] = []
  let firstPosition: Position
  /// The names as they were when the batch first asked for one.
  var names: NameReading?

  init(
    store: Store, folder: Folder, settings: LedgerSettings, clock: Clock
  ) throws(StoreFailure) {
    self.store = store
    self.settings = settings
    fold = try usingProjection(folder.beginBatch())
    now = clock()
    recordedAt = max(now, fold.state.recordedAt)
    firstPosition = fold.state.position.next
  }

  /// The commit, as the log takes it; nil where nothing happened.
  var segment: Segment? {
    records.isEmpty
      ? nil
      : Segment(firstPosition: firstPosition, count: records.count, records: records.bytes)
  }

  /// Makes an event of `fact` and folds it.
  mutating func record(
    _ fact: Fact, happenedAt: Moment? = nil, for submission: Submission? = nil,
    withRequestID: Bool = true, because reason: Reason? = nil
  ) throws(StoreFailure) -> Receipt {
    let position = fold.state.position.next
    records.append(
      Event(
        position: position, recordedAt: recordedAt, decidedAt: now == recordedAt ? nil : now,
        happenedAt: happenedAt ?? now, actor: submission?.actor ?? .service,
        requestID: withRequestID ? submission?.requestID : nil,
        reason: reason ?? submission?.reason, fact: fact))
    // The bytes that the log will hold, by the way that a rebuild takes.
    try fold.fold(records.bytes, range: records.range(at: records.count - 1))
    if fact.changesRights {
      changesRights = true
      rightsChanges.append(fact)
    }
    if let user = fact.userOfNewUsage { try tellCrossings(by: user) }
    return Receipt(position: position, recordedAt: recordedAt, isReplayed: false)
  }

  mutating func takeRightsChanges() -> [Fact] {
    guard changesRights else { return [] }
    defer { rightsChanges = [] }
    return rightsChanges
  }

  /// Records the thresholds that the user has reached now.
  private mutating func tellCrossings(by user: UserID) throws(StoreFailure) {
    let crossings = try usingProjection(fold.crossings(of: settings.thresholds, by: user, at: now))
    for crossing in crossings { _ = try record(.thresholdCrossed(crossing)) }
  }

  mutating func give(_ name: UserName, to user: UserID) { newNames[name] = user }
  mutating func keep(_ text: SessionText) { newTexts.append(text) }

  /// Keeps a mark that something is to be erased when the batch stands.
  mutating func keep(mark: SessionText) {
    newTexts.append(mark)
    erases = true
  }

  mutating func add(_ news: SessionNews) { self.news.append(news) }
}

extension Fact {
  /// The user who may have reached a threshold by it.
  fileprivate var userOfNewUsage: UserID? {
    if case .limitsChanged(let user, _) = self { return user }
    return usageChange.flatMap { $0.tokens == nil ? nil : $0.user }
  }
}
