internal import EventLog
internal import Projections
public import QuotaModel

/// What a rebuild made.
public struct RebuildOutcome: Sendable {
  public let number: UInt64
  /// The last event that is folded in.
  public let position: Position
  /// Where it went on; nil where it began afresh.
  public let resumedFrom: Position?
  /// How many events this run folded, and how long it took.
  public let foldedCount: UInt64
  public let microseconds: Int64
  /// Why an interrupted generation could not be gone on with, one for each that there is.
  public let notResumed: [(number: UInt64, why: String)]
  /// false: it was asked to end before its end.
  public let isComplete: Bool
}

/// Only one process may rebuild a store's projection at a time; the kernel ends that with the process.
struct RebuildLock: Sendable {
  private let lock: FileLock

  init(in generations: Generations) throws(StoreFailure) {
    let file = generations.path + "/rebuild.lock"
    let lock = try FileLock(file)
    guard let lock else {
      throw .generation(.rebuildUnderWay(process: FileLock.holder(of: file)))
    }
    self.lock = lock
  }
}

extension ProjectionStore {
  /// Events that the new generation may lag behind the log when it is complete; whoever takes it into
  /// use catches up.
  private static let maximumLag: UInt64 = 4096
  /// A log may grow as quickly as it is folded: then the lag stays what it is.
  private static let maximumPassCount = 20

  /// Folds the log into a new generation, beside the live one, or goes on with an interrupted one.
  ///
  /// It ends early, at a place to go on from, where `shouldStop` says so.
  public func rebuild(
    fromScratch: Bool = false, acceptingLostEvents: Bool = false,
    stopping shouldStop: @escaping () -> Bool = { false }, progress: ProgressReport? = nil
  ) throws(StoreFailure) -> RebuildOutcome {
    let lock = try RebuildLock(in: generations)
    if !acceptingLostEvents { try generations.checkLogHasAllOfLive() }
    let start = System.clock()
    let notResumed = try list().compactMap { entry in
      if case .unusable(let why) = entry.condition, entry.role == .other {
        (number: entry.number, why: why)
      } else {
        nil
      }
    }
    try generations.pruneUseless()
    let fold = try GenerationFold.begin(
      in: generations, calendar: try liveCalendar(), isResuming: !fromScratch)
    fold.shouldStop = shouldStop
    let first = fold.state.position
    let isComplete = try followLog(fold, progress)
    if isComplete { try fold.markComplete() }
    withExtendedLifetime(lock) {}
    var resumedFrom: Position?
    if case .resumed(let position) = fold.beginning { resumedFrom = position }
    return RebuildOutcome(
      number: fold.number, position: fold.state.position, resumedFrom: resumedFrom,
      foldedCount: fold.state.position.rawValue - min(first, fold.state.position).rawValue,
      microseconds: System.clock().microseconds - start.microseconds,
      notResumed: resumedFrom == nil ? notResumed : [], isComplete: isComplete)
  }

  /// Folds until the log is nearly reached; false where it was stopped.
  private func followLog(
    _ fold: GenerationFold, _ progress: ProgressReport?
  ) throws(StoreFailure) -> Bool {
    for _ in 0..<Self.maximumPassCount {
      guard try fold.run(progress: progress) else { return false }
      if try generations.head().rawValue - fold.state.position.rawValue <= Self.maximumLag { break }
    }
    return true
  }

  /// The calendar of the live generation, as far as it can be read: it is only a hint.
  private func liveCalendar() throws(StoreFailure) -> CalendarSetting? {
    guard let number = generations.pointer?.live, generations.hasFile(number) else { return nil }
    do throws(StoreFailure) {
      guard case .usable(let generation) = try generations.look(at: number, isReadOnly: true) else {
        return nil
      }
      return try usingProjection(generation.state()?.calendar)
    } catch .projection {
      return nil
    }
  }
}
