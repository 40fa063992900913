internal import EventLog
internal import Projections
internal import QuotaModel

/// Commands decided together: the events they cause, folded as they are made, so that each command
/// is decided on everything before it.
struct LedgerBatch: ~Copyable {
  let store: Store
  /// One clock reading for the whole batch, never earlier than the event before.
  let now: Moment
  var fold: FoldBatch
  private(set) var records = RecordBatch()
  /// Names given in this batch; they are stored before the events are.
  private(set) var newNames: [UserName: UserID] = [:]
  /// Texts of sessions; they are stored before the events are.
  private(set) var newTexts: [SessionText] = []
  /// What happened in sessions, in order.
  private(set) var news: [SessionNews] = []
  let firstPosition: Position
  /// The names as they were when the batch first asked for one.
  var names: NameReading?

  init(store: Store, folder: Folder, clock: Clock) throws(StoreFailure) {
    self.store = store
    fold = try usingProjection { () throws(ProjectionFailure) in try folder.beginBatch() }
    now = max(clock(), fold.state.recordedAt)
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
    withRequestID: Bool = true
  ) throws(StoreFailure) -> Receipt {
    let position = fold.state.position.next
    records.append(
      Event(
        position: position, recordedAt: now, happenedAt: happenedAt ?? now,
        actor: submission?.actor ?? .service,
        requestID: withRequestID ? submission?.requestID : nil, reason: submission?.reason,
        fact: fact))
    // The bytes that the log will hold, by the way that a rebuild takes.
    try fold.fold(records.bytes, range: records.range(at: records.count - 1))
    return Receipt(position: position, recordedAt: now, isReplayed: false)
  }

  mutating func give(_ name: UserName, to user: UserID) { newNames[name] = user }
  mutating func keep(_ text: SessionText) { newTexts.append(text) }
  mutating func add(_ news: SessionNews) { self.news.append(news) }
}
