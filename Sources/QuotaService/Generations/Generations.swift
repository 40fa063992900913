internal import EventLog
internal import Projections
internal import QuotaModel

/// The generations of a store's projection: which one is live, and which one was before.
struct Generations {
  let path: String
  let log: LMDBLog

  init(ofStoreAt path: String, log: LMDBLog) {
    self.path = path + "/projections"
    self.log = log
  }

  /// The live generation as it is; somebody else writes it.
  func openForReading(acceptingLostEvents: Bool) throws(StoreFailure) -> Generation {
    guard let number = pointer?.live else { throw .projection(.missing(path: path)) }
    if !acceptingLostEvents { try checkLogHasAllOfLive() }
    switch try look(at: number, isReadOnly: true) {
    case .usable(let generation): return generation
    case .interrupted: throw .generation(.awaitsFold(number, Unfitness.interrupted.description))
    case .useless(let unfitness):
      throw .generation(.awaitsFold(number, unfitness.description))
    }
  }

  /// The live generation, caught up with the log; a new one where the live one cannot be trusted.
  func openForWriting(
    acceptingLostEvents: Bool, checkingPages: Bool = false, progress: ProgressReport?
  ) throws(StoreFailure) -> Generation {
    // Somebody may have removed all of it, to have it folded again.
    try Files.makeDirectory(path)
    guard let number = pointer?.live, hasFile(number) else {
      return try rebuild(calendar: nil, isResuming: true, progress: progress)
    }
    if !acceptingLostEvents { try checkLogHasAllOfLive() }
    let unfitness: Unfitness
    let calendar: CalendarSetting?
    do {
      if checkingPages { _ = try checkPages(of: number, progress: nil) }
      switch try caughtUp(number, progress: progress) {
      case .upToDate(let generation): return generation
      case .needsFold(let why, let setting): (unfitness, calendar) = (why, setting)
      }
    } catch .projection(.malformedRow), .projection(.pageDamaged) {
      (unfitness, calendar) = (.damaged, nil)
    }
    // The old generation is closed here. What nobody can use any more only takes room for the next one.
    if !unfitness.leavesPagesWhole { try remove(number) }
    return try rebuild(calendar: calendar, isResuming: true, progress: progress)
  }

  /// Folds the whole log into a new generation and makes that the live one. The one before is kept
  /// for a rollback; earlier ones are removed.
  ///
  /// - Parameters:
  ///   - hint: The calendar that the log probably ends with; nil where nobody knows.
  ///   - isResuming: Whether it goes on with what an interrupted fold has left.
  func rebuild(
    calendar hint: CalendarSetting?, isResuming: Bool = false, progress: ProgressReport?
  ) throws(StoreFailure) -> Generation {
    try pruneUseless()
    let fold = try GenerationFold.begin(in: self, calendar: hint, isResuming: isResuming)
    try fold.run(progress: progress)
    let generation = try fold.markInUse()
    try point(to: fold.number)
    _ = try prune(keepingPrevious: true)
    return generation
  }

  /// Folds the log up to a position into a generation that is thrown away afterwards.
  func withScratchFold<Result>(
    calendar: CalendarSetting, upTo end: Position? = nil, progress: ProgressReport?,
    _ body: (GenerationFold) throws(StoreFailure) -> Result
  ) throws(StoreFailure) -> Result {
    let fold = try GenerationFold.begin(in: self, calendar: calendar, isResuming: false)
    do throws(StoreFailure) {
      try fold.run(upTo: end, progress: progress)
      let result = try body(fold)
      try fold.remove()
      return result
    } catch {
      // What failed is told; what is left of the fold goes with the next prune if it does not go now.
      try? fold.remove()
      throw error
    }
  }

  /// Makes a generation the live one, and the one that was live the previous one, if it is there.
  func point(to number: UInt64) throws(StoreFailure) {
    let before = pointer
    let previous = before.flatMap { hasFile($0.live) ? $0.live : $0.previous }
    let pointer = LivePointer(live: number, previous: previous)
    try pointer.write(in: path)
  }

  /// Flushes the previous generation, where a swap left it in use, so that the next start of the machine
  /// does not make it useless.
  ///
  /// Not at the swap: a flush then would hold up those of the log. Where it fails nothing is lost but a
  /// rollback behind such a start, which says so.
  func closePrevious() {
    guard let number = pointer?.previous, hasFile(number) else { return }
    do throws(StoreFailure) {
      guard let claim = try GenerationClaim(number, in: self) else { return }
      defer { withExtendedLifetime(claim) {} }
      guard try trust(of: number) == .inUse,
        case .usable(let generation) = try look(at: number, isReadOnly: false)
      else { return }
      try close(generation)
    } catch {}
  }

  /// Notes which history the live generation belongs to, of which nobody but its own process knows, and
  /// closes it: it is about to be left. One that is of no use stays as it is.
  func closeLive() throws(StoreFailure) {
    guard let number = pointer?.live, hasFile(number) else { return }
    do throws(StoreFailure) {
      guard case .usable(let generation) = try look(at: number, isReadOnly: false) else { return }
      try close(generation)
    } catch .projection {
      // Its pages are a reason to leave it.
    }
  }

  /// Flushes a generation whose events are all in the log, so that it can be trusted for ever.
  func close(_ generation: Generation) throws(StoreFailure) {
    try usingProjection { () throws(ProjectionFailure) in
      if try generation.trust(bootID: System.bootID) == .closed { return }
      try generation.noteAnchor(log.rootSource)
      try generation.markClosed(bootID: System.bootID)
    }
  }

  /// Checks the pages of the live generation without opening it; answers how many are in use, none
  /// where there is no generation, or only one that the next start folds anew anyway.
  static func checkPages(
    ofStoreAt path: String, progress: ProgressReport?
  ) throws(StoreFailure) -> UInt64 {
    let path = path + "/projections"
    guard let number = LivePointer(in: path)?.live, Files.exists("\(path)/\(number)/data.mdb")
    else { return 0 }
    return try usingProjection { () throws(ProjectionFailure) in
      switch try Generation.trust(at: "\(path)/\(number)", bootID: System.bootID) {
      case .doubtful(.unmarked), .doubtful(.restarted), .doubtful(.copied): 0
      // What was closed and is not as it was then may be damaged.
      case .closed, .inUse, .building, .doubtful(.changed):
        try Generation.checkPages(at: "\(path)/\(number)", progress: progress)
      }
    }
  }

  func checkPages(of number: UInt64, progress: ProgressReport?) throws(StoreFailure) -> UInt64 {
    try usingProjection(Generation.checkPages(at: path(of: number), progress: progress))
  }

  /// nil where no generation was ever live.
  var pointer: LivePointer? { LivePointer(in: path) }

  func open(_ number: UInt64, isReadOnly: Bool) throws(StoreFailure) -> Generation {
    try usingProjection(Generation(at: path(of: number), isReadOnly: isReadOnly))
  }

  func path(of number: UInt64) -> String { "\(path)/\(number)" }

  func hasFile(_ number: UInt64) -> Bool { Files.exists(path(of: number) + "/data.mdb") }

  /// All of them, in order. No generation has the greatest number: none could follow it.
  func numbers() throws(StoreFailure) -> [UInt64] {
    try Files.names(in: path).compactMap { UInt64($0) }.filter { $0 < .max }.sorted()
  }

  /// A projection never runs ahead of its log; where the live one does, the log was replaced or damaged.
  ///
  /// Of one whose pages nobody knows anything of, its mark says how far it was at the least.
  func checkLogHasAllOfLive() throws(StoreFailure) {
    guard let number = pointer?.live, hasFile(number),
      let position = try position(of: number)
    else { return }
    let head = try head()
    guard position <= head else { throw .logLostItsEnd(log: head, projection: position) }
  }

  /// The last event that a generation has stored, or at the least, where its pages cannot be read, by its
  /// mark; nil where it was folded from another log, and where nothing is known of it.
  func position(of number: UInt64) throws(StoreFailure) -> Position? {
    do throws(StoreFailure) {
      if case .doubtful = try trust(of: number) { return try markedPosition(of: number) }
      let generation = try open(number, isReadOnly: true)
      let state = try usingProjection(generation.state())
      return state.flatMap { $0.log == log.identity.id ? $0.position : nil }
    } catch .projection(let failure) {
      switch failure {
      // Whoever asks again may be told.
      case .inputOutput, .permissionDenied: throw .projection(failure)
      case .diskFull, .missing, .malformedRow, .pageDamaged, .gap, .contradiction, .calendarChanged,
        .unknownZone, .other:
        return try markedPosition(of: number)
      }
    }
  }

  private func markedPosition(of number: UInt64) throws(StoreFailure) -> Position? {
    try usingProjection(Generation.markedPosition(at: path(of: number), of: log.identity.id))
  }

  func head() throws(StoreFailure) -> Position {
    try usingLog(log.head())
  }

  private enum Usability {
    case upToDate(Generation)
    case needsFold(Unfitness, calendar: CalendarSetting?)
  }

  private func caughtUp(
    _ number: UInt64, progress: ProgressReport?
  ) throws(StoreFailure) -> Usability {
    let generation: Generation
    switch try look(at: number, isReadOnly: false) {
    case .usable(let found): generation = found
    case .interrupted(let found): return .needsFold(.interrupted, calendar: announced(by: found))
    case .useless(let unfitness): return .needsFold(unfitness, calendar: nil)
    }
    do throws(StoreFailure) {
      _ = try takeIntoUse(generation, stopping: { false }, progress: progress)
      return .upToDate(generation)
    } catch .projection(.calendarChanged(let setting)) {
      return .needsFold(.otherCalendar, calendar: setting)
    }
  }

  /// Only a hint, so that it does not matter where it cannot be read.
  private func announced(by generation: Generation) -> CalendarSetting? {
    try? generation.announcedCalendar()
  }

  /// Catches a generation up with the log, for decisions.
  func takeIntoUse(
    _ generation: Generation, stopping shouldStop: @escaping () -> Bool, progress: ProgressReport?
  ) throws(StoreFailure) -> Folder {
    let folder = try usingProjection { () throws(ProjectionFailure) in
      try generation.markInUse(bootID: System.bootID)
      return try Folder(
        generation: generation, purpose: .deciding, calendarSource: TimeZones.source)
    }
    try LogFold(log: log, shouldStop: shouldStop).catchUp(folder, progress: progress)
    try usingProjection(generation.noteAnchor(log.rootSource))
    return folder
  }
}
