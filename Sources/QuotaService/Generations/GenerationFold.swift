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

  let beginning: Beginning
  var number: UInt64 { claim.number }
  /// Asked after each batch whether to end there.
  var shouldStop: () -> Bool = { false }
  private let generations: Generations
  private let claim: GenerationClaim
  /// nil only while an environment is closed to be replaced.
  private var folder: Folder?
  private var calendar: CalendarSetting

  private init(
    _ generations: Generations, _ claim: GenerationClaim, _ folder: Folder, _ beginning: Beginning
  ) {
    self.generations = generations
    self.claim = claim
    self.folder = folder
    self.beginning = beginning
    calendar = folder.state.calendar
  }

  /// Begins in a new generation; with `isResuming` in one that was left unfinished, where one fits.
  static func begin(
    in generations: Generations, calendar hint: CalendarSetting, isResuming: Bool
  ) throws(StoreFailure) -> GenerationFold {
    if isResuming, let fold = try resumed(in: generations) { return fold }
    let claim = try GenerationClaim(newIn: generations)
    let folder = try emptyFolder(claim.number, in: generations, calendar: hint)
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
      if position > best?.position ?? .zero { best = (claim, generation, position) }
    }
    guard let best else { return nil }
    let folder = try folder(of: best.generation)
    return GenerationFold(generations, best.claim, folder, .resumed(from: best.position))
  }

  /// The generation, where its fold can go on; one that cannot even be read is left to a prune.
  private static func unfinished(_ number: UInt64, in generations: Generations) -> Generation? {
    do throws(StoreFailure) {
      let generation = try generations.open(number, isReadOnly: false)
      guard try generations.unfitness(of: generation) == .interrupted,
        try generations.mismatch(of: generation) == nil
      else { return nil }
      return generation
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
    return try usingProjection { () throws(ProjectionFailure) in try folder.beginBatch() }
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
      if folder.announcedCalendar == calendar { return true }
      // The log ends with another calendar than expected: once more, with that one all along.
      calendar = folder.announcedCalendar
      self.folder = nil
      try startOver()
    }
  }

  private func startOver() throws(StoreFailure) {
    let path = generations.path(of: number)
    try usingFiles { () throws(FileFailure) in
      for name in ["data.mdb", "lock.mdb"] { try Files.remove(path + "/" + name) }
    }
    folder = try Self.emptyFolder(number, in: generations, calendar: calendar)
  }

  /// Says that everything is folded, for a process that goes on with it at once.
  func markInUse() throws(StoreFailure) -> Generation {
    let generation = generation
    try usingProjection { () throws(ProjectionFailure) in
      try generation.markInUse(bootID: System.bootID())
    }
    return generation
  }

  /// Says durably that everything up to here is folded.
  func markComplete() throws(StoreFailure) {
    let generation = generation
    try usingProjection { () throws(ProjectionFailure) in try generation.markClosed() }
  }

  /// Throws everything away.
  func remove() throws(StoreFailure) {
    folder = nil
    let path = generations.path(of: number)
    try usingFiles { () throws(FileFailure) in try Files.removeDirectory(path) }
  }

  private static func emptyFolder(
    _ number: UInt64, in generations: Generations, calendar: CalendarSetting
  ) throws(StoreFailure) -> Folder {
    let rules = try TimeZones.calendar(calendar)
    let generation = try generations.open(number, isReadOnly: false)
    try usingProjection { () throws(ProjectionFailure) in
      try generation.markBuilding(bootID: System.bootID())
      try generation.initialise(
        ProjectionState(
          log: generations.log.identity.id, calendar: calendar, zoneDigest: rules.zone.digest))
    }
    return try folder(of: generation)
  }

  private static func folder(of generation: Generation) throws(StoreFailure) -> Folder {
    try usingProjection { () throws(ProjectionFailure) in
      try Folder(
        generation: generation, purpose: .rebuilding, isCalendarPinned: true,
        calendarSource: TimeZones.source)
    }
  }
}
