internal import EventLog
internal import Projections
internal import QuotaModel

extension Generations {
  /// What a generation turned out to be good for.
  enum Look {
    /// It can answer for this log, once it has caught up.
    case usable(Generation)
    /// Its fold ended before its end, and can go on.
    case interrupted(Generation)
    case useless(Unfitness)
  }

  /// What is known of the pages of a generation, which is not opened for that.
  func trust(of number: UInt64) throws(StoreFailure) -> Trust {
    try usingProjection(Generation.trust(at: path(of: number), bootID: System.bootID))
  }

  /// Looks at a generation, and opens it where its pages can be believed: the one way to one that was
  /// there before.
  func look(at number: UInt64, isReadOnly: Bool) throws(StoreFailure) -> Look {
    let trust = try trust(of: number)
    if case .doubtful(let doubt) = trust { return .useless(Unfitness(doubt)) }
    let generation = try open(number, isReadOnly: isReadOnly)
    if let unfitness = try mismatch(of: generation, isLive: number == pointer?.live) {
      return .useless(unfitness)
    }
    let hasRunsLeft = try isInterrupted(generation)
    if trust == .building || hasRunsLeft { return .interrupted(generation) }
    guard try hasRightCalendar(generation) else { return .useless(.otherCalendar) }
    return .usable(generation)
  }

  /// The generation, where it can answer for this log, once it has caught up.
  func usable(_ number: UInt64, isReadOnly: Bool) throws(StoreFailure) -> Generation {
    switch try look(at: number, isReadOnly: isReadOnly) {
    case .usable(let generation): return generation
    case .interrupted: throw .generation(.unusable(number, Unfitness.interrupted.description))
    case .useless(let why): throw .generation(.unusable(number, why.description))
    }
  }

  /// Why what a generation has folded is not what this program folds from this log.
  private func mismatch(
    of generation: Generation, isLive: Bool
  ) throws(StoreFailure) -> Unfitness? {
    let state = try usingProjection(generation.state())
    guard let state else { return .otherVersion }
    guard state.log == log.identity.id else { return .otherLog }
    guard state.position <= (try head()) else { return .aheadOfLog }
    guard try isOfThisHistory(generation, state, isLive: isLive) else { return .otherHistory }
    let rules = try TimeZones.calendar(state.calendar)
    return rules.zone.digest == state.zoneDigest ? nil : .otherZoneRules(state.calendar.zone)
  }

  /// Whether the log has the events that the generation was folded from, by its anchor.
  ///
  /// The anchor of the live one may lag behind what was decided until its process was killed. The log has
  /// that, because nothing was appended since that it would not have been held against. Of any other
  /// generation all has to be known: the log may have lost its end and grown again meanwhile.
  private func isOfThisHistory(
    _ generation: Generation, _ state: ProjectionState, isLive: Bool
  ) throws(StoreFailure) -> Bool {
    if state.position == .zero { return true }
    return try usingProjection { () throws(ProjectionFailure) in
      guard let anchor = try generation.anchor() else { return isLive }
      guard anchor.position == state.position || (isLive && anchor.position < state.position)
      else { return false }
      return try log.rootSource(anchor.position) == anchor.root
    }
  }

  /// Whether rows wait beside the tables that a long run put aside.
  private func isInterrupted(_ generation: Generation) throws(StoreFailure) -> Bool {
    try usingProjection(generation.isInterrupted())
  }

  /// Whether the windows were made with the calendar that the folded events end with.
  private func hasRightCalendar(_ generation: Generation) throws(StoreFailure) -> Bool {
    try usingProjection(generation.announcedCalendar() == generation.state()?.calendar)
  }
}

/// Why a generation cannot answer.
enum Unfitness: Hashable {
  /// Its fold ended before its end, and can go on.
  case interrupted
  case unfinished
  case afterRestart
  case copied
  case changed
  case damaged
  case otherVersion
  case otherLog
  case aheadOfLog
  case otherHistory
  case otherCalendar
  case otherZoneRules(String)

  init(_ doubt: Doubt) {
    self =
      switch doubt {
      case .unmarked: .unfinished
      case .restarted: .afterRestart
      case .copied: .copied
      case .changed: .changed
      }
  }

  /// Whether the generation is what it says; else nobody can ever use it.
  var leavesPagesWhole: Bool {
    switch self {
    case .unfinished, .afterRestart, .copied, .changed, .damaged: false
    case .interrupted, .otherVersion, .otherLog, .aheadOfLog, .otherHistory, .otherCalendar,
      .otherZoneRules:
      true
    }
  }
}

extension Unfitness: CustomStringConvertible {
  var description: String {
    switch self {
    case .interrupted: "its rebuild was interrupted"
    case .unfinished: "its rebuild did not finish"
    case .afterRestart: "the machine was restarted while it was in use"
    case .copied: "it is a copy of one that was in use"
    case .changed: "somebody wrote to it after it was closed"
    case .damaged: "its pages are damaged"
    case .otherVersion: "another version of quotalog made it"
    case .otherLog: "it was folded from another log"
    case .aheadOfLog: "it has events that the log does not have"
    case .otherHistory: "it was folded from events that the log has lost, or may have lost"
    case .otherCalendar: "it was folded with another calendar than the log has"
    case .otherZoneRules(let zone): "the rules of the time zone \(zone) have changed since"
    }
  }
}
