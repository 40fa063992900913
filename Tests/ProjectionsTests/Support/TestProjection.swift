import Dispatch
import Projections
import QuotaModel
import TestSupport

/// A generation in a directory of its own, its folder, and when its jobs are carried out.
final class TestProjection {
  /// Where jobs run.
  enum Storing: CaseIterable {
    /// On the thread of the fold.
    case atOnce
    /// On a thread of their own.
    case inBackground
    /// Where the test says so, and by itself where the fold has to wait.
    case whenTold
  }

  static let log = UserID(high: 1, low: 2)

  let directory = TemporaryDirectory()
  private(set) var folder: Folder
  var generation: Generation { folder.generation }
  private let storing: Storing
  private let maximumCachedAccountCount: Int?
  private let queue = DispatchQueue(label: "stores")
  /// Whether the next job may be held back.
  var mayHold = false
  private(set) var held: StoreJob?
  /// Called as a job is handed over, before it runs.
  var beforeJob: () -> Void = {}

  init(
    _ storing: Storing = .atOnce, setting: CalendarSetting? = nil,
    maximumCachedAccountCount: Int? = nil
  ) throws {
    self.storing = storing
    self.maximumCachedAccountCount = maximumCachedAccountCount
    let generation = try Generation(at: directory.path, isReadOnly: false)
    let calendar = RandomHistory.calendar(setting ?? .default)
    try generation.initialise(
      ProjectionState(
        log: Self.log, calendar: setting ?? .default, zoneDigest: calendar.zone.digest))
    folder = try Self.folder(
      of: generation, purpose: setting == nil ? .deciding : .rebuilding,
      isCalendarPinned: setting != nil, maximumCachedAccountCount)
    setUpStoring()
  }

  /// The projection that a rebuild makes of a history.
  static func rebuilt(from events: [Event], _ setting: CalendarSetting) throws -> TestProjection {
    let projection = try TestProjection(setting: setting)
    var batch = try projection.folder.beginBatch()
    try batch.foldTogether(events)
    try batch.commit(mayWait: false)
    return projection
  }

  func fold(_ events: [Event], mayWait: Bool = true) throws(ProjectionFailure) {
    if events.contains(where: \.fact.isStoredAtOnce) { runHeldJob() }
    var batch = try folder.beginBatch()
    for event in events { try batch.fold(event) }
    try batch.commit(mayWait: mayWait)
  }

  /// Carries out the job that was held back; the folder does not know of it yet.
  func runHeldJob() {
    held?.run()
    held = nil
  }

  /// Stores everything that is only in memory.
  func storeAll() throws {
    runHeldJob()
    try folder.finishStoring()
    try folder.beginBatch().commit(mayWait: false)
    runHeldJob()
    try folder.finishStoring()
  }

  /// Goes on with what the tables have, as after the death of the process; `meanwhile` runs while
  /// the generation is closed.
  func reopen(_ meanwhile: () throws -> Void = {}) throws {
    held = nil
    try drain()
    let other = TemporaryDirectory()
    folder = try Self.emptyFolder(in: other)
    try meanwhile()
    folder = try Self.folder(
      of: Generation(at: directory.path, isReadOnly: false), purpose: .deciding,
      maximumCachedAccountCount)
    setUpStoring()
  }

  /// Waits until no job of the background is left: each holds the generation.
  private func drain() throws {
    guard storing == .inBackground else { return }
    try folder.finishStoring()
    queue.sync {}
  }

  private func setUpStoring() {
    switch storing {
    case .atOnce: folder.runInBackground = nil
    case .inBackground:
      folder.runInBackground = { [queue] job in queue.async { job.run() } }
    case .whenTold:
      folder.runInBackground = { [unowned self] job in
        beforeJob()
        if mayHold { held = job } else { job.run() }
      }
    }
  }

  private static func folder(
    of generation: Generation, purpose: Folder.Purpose, isCalendarPinned: Bool = false,
    _ maximumCachedAccountCount: Int? = nil
  ) throws(ProjectionFailure) -> Folder {
    try Folder(
      generation: generation, purpose: purpose, isCalendarPinned: isCalendarPinned,
      maximumCachedAccountCount: maximumCachedAccountCount,
      calendarSource: { setting throws(ProjectionFailure) in RandomHistory.calendar(setting) })
  }

  /// Stands in for a moment, because a generation is open only once in a process.
  private static func emptyFolder(in directory: TemporaryDirectory) throws -> Folder {
    let generation = try Generation(at: directory.path, isReadOnly: false)
    try generation.initialise(
      ProjectionState(
        log: log, calendar: .default, zoneDigest: RandomHistory.calendar(.default).zone.digest))
    return try folder(of: generation, purpose: .deciding)
  }
}
