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
    let generation = try open(number, isReadOnly: true)
    if !acceptingLostEvents { try checkLogHasAll(of: generation) }
    return generation
  }

  /// The live generation, caught up with the log; a new one where the live one cannot be trusted.
  func openForWriting(
    acceptingLostEvents: Bool, checkingPages: Bool = false, progress: ProgressReport?
  ) throws(StoreFailure) -> Generation {
    // Somebody may have removed all of it, to have it folded again.
    try usingFiles { () throws(FileFailure) in try Files.makeDirectory(path) }
    guard let number = pointer?.live, hasFile(number) else {
      // Nothing of it is needed: even the directory may be gone.
      try usingFiles { () throws(FileFailure) in try Files.makeDirectory(path) }
      return try rebuild(calendar: .default, progress: progress)
    }
    let calendar: CalendarSetting
    do {
      if checkingPages { _ = try checkPages(of: number, progress: nil) }
      let generation = try open(number, isReadOnly: false)
      if !acceptingLostEvents { try checkLogHasAll(of: generation) }
      switch try caughtUp(generation, progress: progress) {
      case .upToDate: return generation
      case .needsRebuild(let setting): calendar = setting
      }
    } catch .projection(.malformedRow), .projection(.pageDamaged) {
      calendar = .default
    }
    // The old generation is closed here: it must not be open while its successor replaces it.
    return try rebuild(calendar: calendar, progress: progress)
  }

  /// Folds the whole log into a new generation and makes that the live one. The one before is kept
  /// for a rollback; earlier ones are removed.
  func rebuild(
    calendar hint: CalendarSetting, progress: ProgressReport?
  ) throws(StoreFailure) -> Generation {
    let fold = try GenerationFold.begin(in: self, calendar: hint, isResuming: false)
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

  /// Makes a generation the live one, and the one that was live the previous one.
  func point(to number: UInt64) throws(StoreFailure) {
    let pointer = LivePointer(live: number, previous: self.pointer?.live)
    try usingFiles { () throws(FileFailure) in try pointer.write(in: path) }
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
      let generation = try open(number, isReadOnly: false)
      try usingProjection { () throws(ProjectionFailure) in
        guard try generation.trust() == .inUse(bootID: System.bootID()) else { return }
        try generation.markClosed()
      }
    } catch {}
  }

  /// Checks the pages of the live generation without opening it; answers how many are in use, none
  /// where there is no generation.
  static func checkPages(
    ofStoreAt path: String, progress: ProgressReport?
  ) throws(StoreFailure) -> UInt64 {
    let path = path + "/projections"
    guard let number = LivePointer(in: path)?.live, Files.exists("\(path)/\(number)/data.mdb")
    else { return 0 }
    return try usingProjection { () throws(ProjectionFailure) in
      try Generation.checkPages(at: "\(path)/\(number)", progress: progress)
    }
  }

  func checkPages(of number: UInt64, progress: ProgressReport?) throws(StoreFailure) -> UInt64 {
    try usingProjection { () throws(ProjectionFailure) in
      try Generation.checkPages(at: path(of: number), progress: progress)
    }
  }

  /// nil where no generation was ever live.
  var pointer: LivePointer? { LivePointer(in: path) }

  func open(_ number: UInt64, isReadOnly: Bool) throws(StoreFailure) -> Generation {
    try usingProjection { () throws(ProjectionFailure) in
      try Generation(at: path(of: number), isReadOnly: isReadOnly)
    }
  }

  func path(of number: UInt64) -> String { "\(path)/\(number)" }

  func hasFile(_ number: UInt64) -> Bool { Files.exists(path(of: number) + "/data.mdb") }

  /// All of them, in order. No generation has the greatest number: none could follow it.
  func numbers() throws(StoreFailure) -> [UInt64] {
    try usingFiles { () throws(FileFailure) in
      try Files.names(in: path).compactMap { UInt64($0) }.filter { $0 < .max }.sorted()
    }
  }

  /// A projection never runs ahead of its log; where it does, the log was replaced or damaged.
  func checkLogHasAll(of generation: Generation) throws(StoreFailure) {
    let state = try usingProjection { () throws(ProjectionFailure) in try generation.state() }
    guard let state, state.log == log.identity.id else { return }
    let head = try head()
    guard state.position <= head else {
      throw .logLostItsEnd(log: head, projection: state.position)
    }
  }

  func head() throws(StoreFailure) -> Position {
    try usingLog { () throws(LogFailure) in try log.head() }
  }

  private enum Usability {
    case upToDate
    case needsRebuild(calendar: CalendarSetting)
  }

  private func caughtUp(
    _ generation: Generation, progress: ProgressReport?
  ) throws(StoreFailure) -> Usability {
    guard try unfitness(of: generation) == nil else {
      let calendar = try? generation.state()?.calendar
      return .needsRebuild(calendar: calendar ?? .default)
    }
    do throws(StoreFailure) {
      _ = try takeIntoUse(generation, stopping: { false }, progress: progress)
      return .upToDate
    } catch .projection(.calendarChanged(let setting)) {
      return .needsRebuild(calendar: setting)
    }
  }

  /// Catches a generation up with the log, for decisions.
  func takeIntoUse(
    _ generation: Generation, stopping shouldStop: @escaping () -> Bool, progress: ProgressReport?
  ) throws(StoreFailure) -> Folder {
    let folder = try usingProjection { () throws(ProjectionFailure) in
      try generation.markInUse(bootID: System.bootID())
      return try Folder(
        generation: generation, purpose: .deciding, calendarSource: TimeZones.source)
    }
    try LogFold(log: log, shouldStop: shouldStop).catchUp(folder, progress: progress)
    return folder
  }
}

extension Generations {
  /// Why a generation cannot answer for this log; nil where it can, once it has caught up.
  func unfitness(of generation: Generation) throws(StoreFailure) -> Unfitness? {
    let trust = try usingProjection { () throws(ProjectionFailure) in try generation.trust() }
    switch trust {
    case .unknown: return .unfinished
    case .building(let bootID): return bootID == System.bootID() ? .interrupted : .afterRestart
    case .inUse(let bootID) where bootID != System.bootID(): return .afterRestart
    case .inUse, .closedCleanly: return try mismatch(of: generation)
    }
  }

  /// Why what a generation has folded is not what this program folds from this log.
  func mismatch(of generation: Generation) throws(StoreFailure) -> Unfitness? {
    let state = try usingProjection { () throws(ProjectionFailure) in try generation.state() }
    guard let state else { return .otherVersion }
    guard state.log == log.identity.id else { return .otherLog }
    guard state.position <= (try head()) else { return .aheadOfLog }
    let rules = try TimeZones.calendar(state.calendar)
    return rules.zone.digest == state.zoneDigest ? nil : .otherZoneRules(state.calendar.zone)
  }
}

/// Why a generation cannot answer.
enum Unfitness: Hashable {
  /// Its fold ended before its end, and can go on.
  case interrupted
  case unfinished
  case afterRestart
  case otherVersion
  case otherLog
  case aheadOfLog
  case otherZoneRules(String)
}

extension Unfitness: CustomStringConvertible {
  var description: String {
    switch self {
    case .interrupted: "its rebuild was interrupted"
    case .unfinished: "its rebuild did not finish"
    case .afterRestart: "the machine was restarted while it was in use"
    case .otherVersion: "another version of quotalog made it"
    case .otherLog: "it was folded from another log"
    case .aheadOfLog: "it has events that the log does not have"
    case .otherZoneRules(let zone): "the rules of the time zone \(zone) have changed since"
    }
  }
}
