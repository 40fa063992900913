internal import EventLog
internal import Projections
public import QuotaModel

/// Takes over events that another store exported, with their positions and times as they are.
///
/// Events that the store has already are compared and passed over, so that an import that was
/// interrupted can be run again.
public final class Importer {
  private let eventsPerCommit: Int
  private let store: Store
  private let folder: Folder
  private let head: Position
  private var records = RecordBatch()
  private var names: [UserName: UserID] = [:]
  /// Users whose names another store has erased since it told them.
  private var marks: [SessionText] = []
  private var firstPosition: Position
  private var lines: [Int] = []
  private var latest: Moment
  /// Events that were appended.
  public private(set) var importedCount: UInt64 = 0

  /// `eventsPerCommit`: so many events become durable together.
  public init(into store: Store, eventsPerCommit: Int = 4096) throws(StoreFailure) {
    if let outage = store.outageSinceStart { throw outage }
    self.store = store
    self.eventsPerCommit = eventsPerCommit
    head = try usingLog(store.log.head())
    folder = try usingProjection(
      Folder(
        generation: store.generation, purpose: .rebuilding, calendarSource: TimeZones.source))
    firstPosition = head.next
    latest = folder.state.recordedAt
  }

  /// Takes the next event; `line` names it in errors.
  public func add(_ event: Event, name: UserName?, line: Int) throws(StoreFailure) {
    if event.position <= head {
      let stored = try usingLog(store.log.event(at: event.position))
      guard stored == event else {
        throw .importRefused(
          line: line,
          "position \(event.position) is another event in this store: import into an empty one")
      }
      return
    }
    let expected = firstPosition.advanced(by: records.count)
    guard event.position == expected else {
      throw .importRefused(
        line: line, "position \(event.position) does not follow: \(expected) is due")
    }
    guard event.recordedAt >= latest else {
      throw .importRefused(line: line, "recorded_at is earlier than that of the line before")
    }
    latest = event.recordedAt
    if let name, let user = event.fact.user { names[name] = user }
    if case .userErased(let user) = event.fact {
      marks.append(NameStore.mark(of: user, at: event.position))
    }
    records.append(event)
    lines.append(line)
    if records.count == eventsPerCommit { try commit() }
  }

  /// Commits what is left, and folds everything anew where the calendar changed on the way.
  public func finish(progress: ProgressReport? = nil) throws(StoreFailure) {
    try commit()
    guard folder.announcedCalendar != folder.state.calendar else { return }
    let generations = Generations(ofStoreAt: store.path, log: store.log)
    store.replaceGeneration(
      with: try generations.rebuild(calendar: folder.announcedCalendar, progress: progress))
  }

  private func commit() throws(StoreFailure) {
    guard !records.isEmpty else { return }
    var batch = try usingProjection(folder.beginBatch())
    let bytes = records.bytes
    for index in 0..<records.count {
      do throws(StoreFailure) {
        try batch.fold(bytes, range: records.range(at: index))
      } catch .projection(.contradiction(_, let text)) {
        throw .importRefused(line: lines[index], "the event \(text)")
      }
    }
    let tally = try store.names.store(names, marks)
    let segment = Segment(
      firstPosition: firstPosition, count: records.count, records: records.bytes)
    try usingLog(store.log.append(segment, names: tally))
    do { try batch.commit(mayWait: false) } catch { throw .projection(error) }
    if !marks.isEmpty { _ = try store.eraseDeleted() }
    importedCount += UInt64(records.count)
    firstPosition = firstPosition.advanced(by: records.count)
    records.removeAll()
    names.removeAll()
    marks.removeAll()
    lines.removeAll(keepingCapacity: true)
  }
}
