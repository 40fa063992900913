internal import EventLog
internal import Glibc
internal import Projections
internal import QuotaModel

extension ProjectionStore {
  /// Compares two generations at one position, by default the live one with a newer complete one, or
  /// with a fresh fold of the log where there is none.
  public func compare(
    _ left: UInt64? = nil, _ right: UInt64? = nil, progress: ProgressReport? = nil
  ) throws(StoreFailure) -> ComparisonReport {
    let writer = try writerLockIfFree()
    defer { withExtendedLifetime(writer) {} }
    let live = generations.pointer?.live
    guard let number = left ?? live else { throw .projection(.missing(path: generations.path)) }
    if number == right { throw .generation(.sameTwice(number)) }
    let served = writer == nil ? live : nil
    let first = try OpenGeneration(number, in: generations, isServed: number == served)
    let comparison = GenerationComparison(generations, progress) { () throws(StoreFailure) in
      try NameStore(at: storePath + "/names", isReadOnly: true)
    }
    let newer = right == nil ? try newerComplete(than: number) : nil
    guard let other = right ?? newer else {
      return try comparison.report(first, progress)
    }
    let second = try OpenGeneration(other, in: generations, isServed: other == served)
    return try comparison.report(first, second, progress)
  }

  private func writerLockIfFree() throws(StoreFailure) -> WriterLock? {
    do throws(StoreFailure) {
      return try WriterLock(ofStoreAt: storePath)
    } catch .inUse {
      return nil
    }
  }

  private func newerComplete(than number: UInt64) throws(StoreFailure) -> UInt64? {
    try list().last { $0.number > number && $0.role == .other && $0.condition == .complete }?.number
  }
}

extension GenerationComparison {
  /// With a fold of the log for the comparison only.
  fileprivate func report(
    _ first: OpenGeneration, _ progress: ProgressReport?
  ) throws(StoreFailure) -> ComparisonReport {
    let state = try first.state()
    return try generations.withScratchFold(
      calendar: state.calendar, upTo: state.position, progress: progress
    ) { (fold) throws(StoreFailure) in
      try report(
        first.generation, .generation(first.number), fold.generation, .fresh,
        served: first.isServed ? .left : .neither
      ) { (position) throws(StoreFailure) in try fold.run(upTo: position, progress: progress) }
    }
  }

  fileprivate func report(
    _ first: OpenGeneration, _ second: OpenGeneration, _ progress: ProgressReport?
  ) throws(StoreFailure) -> ComparisonReport {
    let served = first.isServed ? Served.left : second.isServed ? .right : .neither
    let (fixed, moving) = served == .right ? (second, first) : (first, second)
    if served == .neither {
      // To the end of the log, so that nothing is left of a store that was interrupted.
      let head = try generations.head()
      for each in [first, second] { try each.catchUp(to: head, progress) }
    } else {
      try fixed.approach(moving, progress)
    }
    return try report(
      first.generation, .generation(first.number), second.generation, .generation(second.number),
      served: served
    ) { (position) throws(StoreFailure) in
      if served != .neither { try moving.catchUp(to: position, progress) }
    }
  }
}

/// A generation as a comparison opens it.
private final class OpenGeneration {
  /// A server stores what it has in memory at least every two seconds.
  private static let patienceMicroseconds: Int64 = 30_000_000
  private static let pollMicroseconds: UInt32 = 20_000

  let number: UInt64
  /// Whether a server writes to it.
  let isServed: Bool
  let generation: Generation
  private let generations: Generations
  private let claim: GenerationClaim?

  init(
    _ number: UInt64, in generations: Generations, isServed: Bool
  ) throws(StoreFailure) {
    guard generations.hasFile(number) else { throw .generation(.missing(number)) }
    claim = isServed ? nil : try GenerationClaim(number, in: generations)
    if !isServed, claim == nil {
      let process = GenerationClaim.holder(of: number, in: generations)
      throw .generation(.isBeingBuilt(number, process: process))
    }
    self.number = number
    self.isServed = isServed
    self.generations = generations
    generation = try generations.usable(number, isReadOnly: isServed)
  }

  func state() throws(StoreFailure) -> ProjectionState {
    let state = try usingProjection(generation.state())
    guard let state else { throw .projection(.malformedRow(table: "meta")) }
    return state
  }

  /// Brings `other`, which nobody serves, near this one; waits where it is behind the other.
  func approach(_ other: OpenGeneration, _ progress: ProgressReport?) throws(StoreFailure) {
    try wait(for: other.state().position)
    try other.catchUp(to: state().position, progress)
  }

  private func wait(for position: Position) throws(StoreFailure) {
    let start = System.clock().microseconds
    while try state().position < position {
      guard System.clock().microseconds - start < Self.patienceMicroseconds else {
        throw .generation(.notStored(number, upTo: position.rawValue))
      }
      usleep(Self.pollMicroseconds)
    }
  }

  func catchUp(to end: Position, _ progress: ProgressReport?) throws(StoreFailure) {
    guard try state().position < end else { return }
    let folder = try usingProjection { () throws(ProjectionFailure) in
      try generation.markInUse(bootID: System.bootID)
      return try Folder(
        generation: generation, purpose: .rebuilding, calendarSource: TimeZones.source)
    }
    try LogFold(log: generations.log).catchUp(folder, upTo: end, progress: progress)
    guard folder.announcedCalendar == folder.state.calendar else {
      throw .generation(.calendarChanged(number))
    }
    try generations.close(generation)
  }
}
