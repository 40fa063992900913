internal import EventLog
internal import Projections
public import QuotaModel

extension Store {
  /// What a rebuild found.
  public struct RebuildReport: Sendable {
    public let eventCount: UInt64
    /// Where the new projection differs from the one before; nil where it does not.
    public let difference: FoundDifference?
  }

  var generations: Generations { Generations(ofStoreAt: path, log: log) }

  /// Folds the whole log into a new generation, compares it with the live one, and takes its place.
  public func rebuild(progress: ProgressReport? = nil) throws(StoreFailure) -> RebuildReport {
    let lock = try RebuildLock(in: generations)
    defer { withExtendedLifetime(lock) {} }
    let old = generation
    let before = generations.pointer?.live ?? 0
    let calendar = try usingProjection(old.state()?.calendar)
    let new = try generations.rebuild(calendar: calendar ?? .default, progress: progress)
    defer { replaceGeneration(with: new) }
    if let count = try equalEventCount(old, new) {
      return RebuildReport(eventCount: count, difference: nil)
    }
    let report = try GenerationComparison(generations, progress, names: { [names] in names })
      .report(
        old, .generation(before), new, .generation(generations.pointer?.live ?? 0))
    return RebuildReport(eventCount: report.position.rawValue, difference: report.difference)
  }

  /// How many events two generations have where they are equal, which takes a look on two threads; nil where
  /// they are not.
  private func equalEventCount(
    _ one: Generation, _ other: Generation
  ) throws(StoreFailure) -> UInt64? {
    try usingProjection { () throws(ProjectionFailure) in
      guard try EqualityCheck(one, other).areEqual() else { return nil }
      return try one.state()?.position.rawValue ?? 0
    }
  }

  /// Checks that the pages of every file are what LMDB takes them for; answers how many are in use.
  ///
  /// It opens none of them: LMDB may crash on a damaged page. So it comes before anything else that
  /// is done to a store that may be damaged.
  public static func checkPages(
    at path: String, progress: ProgressReport? = nil
  ) throws(StoreFailure) -> UInt64 {
    guard Files.exists(path + "/log/data.mdb") else { throw absence(of: path) }
    let logCount = try checkLogPages(at: path, progress: progress)
    let nameCount = try NameStore.checkPages(at: path + "/names")
    return try logCount + nameCount
      + Generations.checkPages(ofStoreAt: path, progress: progress)
  }

  /// Checks the pages of the log alone, before a command that reads all of it.
  public static func checkLogPages(
    at path: String, progress: ProgressReport? = nil
  ) throws(StoreFailure) -> UInt64 {
    guard Files.exists(path + "/log/data.mdb") else { throw absence(of: path) }
    return try usingLog(LMDBLog.checkPages(at: path + "/log", progress: progress))
  }

  /// Folds the log afresh and compares with the live projection; nil where they are equal.
  public func verifyProjection(
    progress: ProgressReport? = nil
  ) throws(StoreFailure) -> FoundDifference? {
    let live = generation
    let number = generations.pointer?.live ?? 0
    let calendar = try usingProjection(live.state()?.calendar)
    return try generations.withScratchFold(calendar: calendar ?? .default, progress: progress) {
      (fold) throws(StoreFailure) in
      if try equalEventCount(live, fold.generation) != nil { return nil }
      return try GenerationComparison(generations, progress, names: { [names] in names }).report(
        live, .generation(number), fold.generation, .fresh
      ).difference
    }
  }

  /// Moves the windows to another calendar: an event, and where spends were counted, a new fold.
  public func setCalendar(
    _ setting: CalendarSetting, clock: Clock, progress: ProgressReport? = nil
  ) throws(StoreFailure) {
    let state = try usingProjection(generation.state())
    guard let state, state.position == .zero || state.calendar != setting else { return }
    _ = try TimeZones.calendar(setting)
    if let outageSinceStart { throw outageSinceStart }
    let position = state.position.next
    let now = clock()
    let recordedAt = max(now, state.recordedAt)
    var records = RecordBatch()
    records.append(
      Event(
        position: position, recordedAt: recordedAt, decidedAt: now == recordedAt ? nil : now,
        happenedAt: now, actor: .operator, fact: .calendarChanged(setting)))
    let segment = Segment(firstPosition: position, count: 1, records: records.bytes)
    try usingLog(log.append(segment))
    try foldOrRebuild(progress: progress)
  }

  /// Folds the log's tail; everything, where the tail changes the calendar of counted spends.
  func foldOrRebuild(progress: ProgressReport?) throws(StoreFailure) {
    let generation = generation
    do throws(StoreFailure) {
      let folder = try usingProjection(
        Folder(
          generation: generation, purpose: .deciding, calendarSource: TimeZones.source))
      try LogFold(log: log).catchUp(folder, progress: progress)
    } catch .projection(.calendarChanged(let setting)) {
      replaceGeneration(with: try generations.rebuild(calendar: setting, progress: progress))
    }
  }
}
