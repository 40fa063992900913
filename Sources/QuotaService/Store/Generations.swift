internal import EventLog
internal import Projections
internal import QuotaModel

/// The generations of a store's projection: which one is live, and how a new one is made.
struct Generations {
  let path: String
  let log: LMDBLog

  private var pointer: String { path + "/current" }

  /// The live generation as it is; somebody else writes it.
  func openForReading(acceptingLostEvents: Bool) throws(StoreFailure) -> Generation {
    guard let number = currentNumber() else { throw .projection(.missing(path: path)) }
    let generation = try open(number, isReadOnly: true)
    if !acceptingLostEvents { try checkLogHasAll(of: generation) }
    return generation
  }

  /// The live generation, caught up with the log; a new one where the live one cannot be trusted.
  func openForWriting(
    acceptingLostEvents: Bool, checkingPages: Bool = false, progress: ProgressReport?
  ) throws(StoreFailure) -> Generation {
    guard let number = currentNumber(), Files.exists(path(of: number) + "/data.mdb") else {
      return try rebuild(calendar: .default, progress: progress)
    }
    let calendar: CalendarSetting
    do {
      if checkingPages { _ = try Self.checkPages(at: path, progress: nil) }
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
    let before = currentNumber()
    let number = (try usingFiles(numbers).max() ?? 0) + 1
    let generation = try fold(into: number, calendar: hint, progress: progress)
    try usingFiles { () throws(FileFailure) in
      try Files.replace(pointer, with: Array("\(number)\n".utf8))
      for old in try numbers() where old != number && old != before {
        try Files.removeDirectory(path(of: old))
      }
    }
    return generation
  }

  /// Folds the log into a generation that is thrown away afterwards.
  func withScratchFold<Result>(
    calendar: CalendarSetting, progress: ProgressReport?,
    _ body: (Generation) throws(ProjectionFailure) -> Result
  ) throws(StoreFailure) -> Result {
    let number = (try usingFiles(numbers).max() ?? 0) + 1
    let result: Result
    do {
      let generation = try fold(into: number, calendar: calendar, progress: progress)
      result = try usingProjection { () throws(ProjectionFailure) in try body(generation) }
    }
    try usingFiles { () throws(FileFailure) in try Files.removeDirectory(path(of: number)) }
    return result
  }

  /// Checks the pages of the live one of the generations at `path` without opening it; answers how
  /// many are in use, none where there is no generation.
  static func checkPages(at path: String, progress: ProgressReport?) throws(StoreFailure) -> UInt64
  {
    guard let number = currentNumber(at: path), Files.exists("\(path)/\(number)/data.mdb") else {
      return 0
    }
    return try usingProjection { () throws(ProjectionFailure) in
      try Generation.checkPages(at: "\(path)/\(number)", progress: progress)
    }
  }

  func currentNumber() -> UInt64? { Self.currentNumber(at: path) }

  private static func currentNumber(at path: String) -> UInt64? {
    guard let bytes = try? Files.read(path + "/current") else { return nil }
    return UInt64(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
  }

  func open(_ number: UInt64, isReadOnly: Bool) throws(StoreFailure) -> Generation {
    try usingProjection { () throws(ProjectionFailure) in
      try Generation(at: path(of: number), isReadOnly: isReadOnly)
    }
  }

  private func path(of number: UInt64) -> String { "\(path)/\(number)" }

  private func numbers() throws(FileFailure) -> [UInt64] {
    try Files.names(in: path).compactMap { UInt64($0) }
  }

  /// A projection never runs ahead of its log; where it does, the log was replaced or damaged.
  private func checkLogHasAll(of generation: Generation) throws(StoreFailure) {
    let state = try usingProjection { () throws(ProjectionFailure) in try generation.state() }
    guard let state, state.log == log.identity.id else { return }
    let head = try usingLog { () throws(LogFailure) in try log.head() }
    guard state.position <= head else {
      throw .logLostItsEnd(log: head, projection: state.position)
    }
  }

  private enum Usability {
    case upToDate
    case needsRebuild(calendar: CalendarSetting)
  }

  private func caughtUp(
    _ generation: Generation, progress: ProgressReport?
  ) throws(StoreFailure) -> Usability {
    guard try isUsable(generation) else {
      let calendar = try? generation.state()?.calendar
      return .needsRebuild(calendar: calendar ?? .default)
    }
    do throws(StoreFailure) {
      let folder = try usingProjection { () throws(ProjectionFailure) in
        try generation.markInUse(bootID: System.bootID())
        return try Folder(
          generation: generation, purpose: .deciding, calendarSource: TimeZones.source)
      }
      try LogFold(log: log).catchUp(folder, progress: progress)
      return .upToDate
    } catch .projection(.calendarChanged(let setting)) {
      return .needsRebuild(calendar: setting)
    }
  }

  /// Whether a generation belongs to this log, can be trusted, and follows today's zone rules.
  private func isUsable(_ generation: Generation) throws(StoreFailure) -> Bool {
    let (state, trust) = try usingProjection { () throws(ProjectionFailure) in
      (try generation.state(), try generation.trust())
    }
    let head = try usingLog { () throws(LogFailure) in try log.head() }
    guard let state, state.log == log.identity.id, state.position <= head else {
      return false
    }
    switch trust {
    case .unknown: return false
    case .inUse(let bootID) where bootID != System.bootID(): return false
    case .inUse, .closedCleanly: break
    }
    let rules = try TimeZones.calendar(state.calendar)
    return rules.zone.digest == state.zoneDigest
  }

  /// Folds the log into an empty generation, with the calendar that the log ends with.
  private func fold(
    into number: UInt64, calendar hint: CalendarSetting, progress: ProgressReport?
  ) throws(StoreFailure) -> Generation {
    var setting = hint
    while true {
      let folder = try emptyFolder(number, calendar: setting)
      try LogFold(log: log).catchUp(folder, progress: progress)
      if folder.announcedCalendar == setting {
        try usingProjection { () throws(ProjectionFailure) in
          try folder.generation.markInUse(bootID: System.bootID())
        }
        return folder.generation
      }
      // The log ends with another calendar than expected: once more, with that one all along.
      setting = folder.announcedCalendar
    }
  }

  private func emptyFolder(
    _ number: UInt64, calendar: CalendarSetting
  ) throws(StoreFailure) -> Folder {
    let path = path(of: number)
    try usingFiles { () throws(FileFailure) in
      if Files.exists(path) { try Files.removeDirectory(path) }
      try Files.makeDirectory(path)
    }
    let rules = try TimeZones.calendar(calendar)
    return try usingProjection { () throws(ProjectionFailure) in
      let generation = try Generation(at: path, isReadOnly: false)
      try generation.initialise(
        ProjectionState(
          log: log.identity.id, calendar: calendar, zoneDigest: rules.zone.digest))
      return try Folder(
        generation: generation, purpose: .rebuilding, isCalendarPinned: true,
        calendarSource: TimeZones.source)
    }
  }
}
