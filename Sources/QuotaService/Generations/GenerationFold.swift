internal import EventLog
internal import Projections
internal import QuotaModel

/// A fold of the whole log into a generation of its own: begun, interrupted, gone on with, complete.
///
/// Every generation that it stores says that it is being built, from before its first event on, so that
/// one that a killed process left can be told from one that is whole. It belongs to one thread.
final class GenerationFold {
  /// How a fold began.
  enum Beginning {
    case afresh
    /// With what an interrupted one had stored.
    case resumed(from: Position)
  }

  private(set) var beginning: Beginning
  private(set) var number: UInt64
  /// Asked after each batch whether to end there.
  var shouldStop: () -> Bool = { false }
  private let generations: Generations
  private var claim: GenerationClaim
  /// nil once everything was thrown away.
  private var folder: Folder?

  private init(
    _ generations: Generations, _ claim: GenerationClaim, _ folder: Folder, _ beginning: Beginning
  ) {
    self.generations = generations
    self.claim = claim
    number = claim.number
    self.folder = folder
    self.beginning = beginning
  }

  /// Begins in a new generation; with `isResuming` in one that was left unfinished, where one fits.
  ///
  /// `hint`: the calendar that the log probably ends with; nil where nobody knows.
  static func begin(
    in generations: Generations, calendar hint: CalendarSetting?, isResuming: Bool
  ) throws(StoreFailure) -> GenerationFold {
    if isResuming, let fold = try resumed(in: generations) { return fold }
    let (claim, folder) = try empty(in: generations, calendar: hint)
    return GenerationFold(generations, claim, folder, .afresh)
  }

  /// The unfinished one that has come furthest.
  private static func resumed(in generations: Generations) throws(StoreFailure) -> GenerationFold? {
    var best: (claim: GenerationClaim, generation: Generation, position: Position)?
    for number in try generations.numbers()
    where number != generations.pointer?.live && generations.hasFile(number) {
      guard let claim = try GenerationClaim(number, in: generations),
        let generation = unfinished(number, in: generations),
        let position = try? generation.state()?.position
      else { continue }
      if let best, position <= best.position { continue }
      best = (claim, generation, position)
    }
    guard let best else { return nil }
    let folder = try folder(of: best.generation)
    return GenerationFold(generations, best.claim, folder, .resumed(from: best.position))
  }

  /// The generation, where its fold can go on; one that cannot even be read is left to a prune.
  private static func unfinished(_ number: UInt64, in generations: Generations) -> Generation? {
    do throws(StoreFailure) {
      switch try generations.look(at: number, isReadOnly: false) {
      case .interrupted(let generation): return generation
      // Whole, but its process was killed before it was made the live one.
      case .usable(let generation):
        let isInUse = try generations.trust(of: number) == .inUse
        return isInUse && number != generations.pointer?.previous ? generation : nil
      case .useless: return nil
      }
    } catch {
      return nil
    }
  }

  var state: ProjectionState {
    guard let folder else { preconditionFailure("the fold failed before") }
    return folder.state
  }

  var generation: Generation {
    guard let folder else { preconditionFailure("the fold failed before") }
    return folder.generation
  }

  var log: LMDBLog { generations.log }

  func beginBatch() throws(StoreFailure) -> FoldBatch {
    guard let folder else { preconditionFailure("the fold failed before") }
    return try usingProjection(folder.beginBatch())
  }

  /// Folds up to `end`, or to where the log ends as this begins; answers whether it came so far.
  @discardableResult
  func run(upTo end: Position? = nil, progress: ProgressReport?) throws(StoreFailure) -> Bool {
    let head = try generations.head()
    let target = min(end ?? head, head)
    while true {
      guard let folder else { preconditionFailure("the fold failed before") }
      progress?(folder.state.position.rawValue, target.rawValue)
      try LogFold(log: generations.log, shouldStop: shouldStop)
        .catchUp(folder, upTo: target, progress: progress)
      guard folder.state.position >= target else { return false }
      if folder.announcedCalendar == folder.state.calendar { return true }
      // The log ends with another calendar than expected: once more, with that one all along.
      try startOver(with: folder.announcedCalendar)
    }
  }

  /// Goes on in another generation, and removes this one: whoever still has its pages open does no
  /// harm, as he would if both were in one directory.
  private func startOver(with calendar: CalendarSetting) throws(StoreFailure) {
    let (old, useless) = (claim, generations.path(of: number))
    (claim, folder) = try Self.empty(in: generations, calendar: calendar)
    number = claim.number
    beginning = .afresh
    try Files.removeDirectory(useless)
    withExtendedLifetime(old) {}
  }

  /// Says that everything is folded, for a process that goes on with it at once.
  func markInUse() throws(StoreFailure) -> Generation {
    let generation = generation
    try usingProjection(generation.markInUse(bootID: System.bootID))
    return generation
  }

  /// Says durably that everything up to here is folded.
  func markComplete() throws(StoreFailure) {
    try generations.close(generation)
  }

  /// Throws everything away.
  func remove() throws(StoreFailure) {
    folder = nil
    let path = generations.path(of: number)
    try Files.removeDirectory(path)
  }

  private static func empty(
    in generations: Generations, calendar hint: CalendarSetting?
  ) throws(StoreFailure) -> (GenerationClaim, Folder) {
    let calendar = if let hint { hint } else { try generations.firstCalendar() }
    let rules = try TimeZones.calendar(calendar)
    let claim = try GenerationClaim(newIn: generations)
    let generation = try generations.open(claim.number, isReadOnly: false)
    try usingProjection { () throws(ProjectionFailure) in
      // Before the mark: what says that it is being built can always be gone on with.
      try generation.initialise(
        ProjectionState(
          log: generations.log.identity.id, calendar: calendar, zoneDigest: rules.zone.digest))
      try generation.markBuilding(bootID: System.bootID)
    }
    return (claim, try folder(of: generation))
  }

  private static func folder(of generation: Generation) throws(StoreFailure) -> Folder {
    try usingProjection(
      Folder(
        generation: generation, purpose: .rebuilding, isCalendarPinned: true,
        calendarSource: TimeZones.source))
  }
}

extension Generations {
  /// Records that are looked at for a calendar: `init` puts it before everything else.
  private static let openingCount = 256

  /// The calendar that a log begins with, which nearly all keep; what comes later the fold finds out.
  fileprivate func firstCalendar() throws(StoreFailure) -> CalendarSetting {
    var calendar = CalendarSetting.default
    var count = 0
    try usingLog(
      log.scan(after: .zero) { record in
        if record.kind == .calendarChanged, case .calendarChanged(let setting)? = try? record.fact()
        {
          calendar = setting
        }
        count += 1
        return count < Self.openingCount ? .proceed : .stop
      })
    return calendar
  }
}
