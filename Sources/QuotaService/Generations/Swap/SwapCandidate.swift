internal import EventLog
internal import Glibc
internal import Projections
internal import QuotaModel

/// A generation that is to be the live one, opened by the process that writes to the store, and caught
/// up with the log.
final class SwapCandidate {
  let number: UInt64
  let folder: Folder
  private let generations: Generations
  private let claim: GenerationClaim
  private let progress: ProgressReport?
  private let shouldStop: () -> Bool

  /// Refuses whatever could not be served from.
  init(
    _ number: UInt64, in generations: Generations,
    stopping shouldStop: @escaping () -> Bool = { false }, progress: ProgressReport?
  ) throws(StoreFailure) {
    self.number = number
    self.generations = generations
    self.progress = progress
    self.shouldStop = shouldStop
    claim = try Self.claim(number, in: generations)
    let generation = try Self.open(number, in: generations)
    do throws(StoreFailure) {
      folder = try generations.takeIntoUse(generation, stopping: shouldStop, progress: progress)
    } catch .projection(.calendarChanged) {
      throw .generation(.calendarChanged(number))
    }
    try checkStopped()
  }

  /// Folds what the log has got meanwhile, and stores it.
  func catchUp() throws(StoreFailure) {
    do throws(StoreFailure) {
      try LogFold(log: generations.log, shouldStop: shouldStop).catchUp(folder, progress: progress)
    } catch .projection(.calendarChanged) {
      throw .generation(.calendarChanged(number))
    }
    try checkStopped()
  }

  /// Events that the log has and the candidate does not.
  func lag() throws(StoreFailure) -> UInt64 {
    try generations.head().rawValue - folder.state.position.rawValue
  }

  private func checkStopped() throws(StoreFailure) {
    if shouldStop() { throw .generation(.stopping) }
  }

  /// The checks that need no open generation, and the right to use it.
  static func claim(
    _ number: UInt64, in generations: Generations
  ) throws(StoreFailure) -> GenerationClaim {
    guard generations.hasFile(number) else { throw .generation(.missing(number)) }
    guard number != generations.pointer?.live else { throw .generation(.isLive(number)) }
    guard let claim = try GenerationClaim(number, in: generations) else {
      let process = GenerationClaim.holder(of: number, in: generations)
      throw .generation(.isBeingBuilt(number, process: process))
    }
    return claim
  }

  /// How long a reader of the last time may take to end, and how often it is looked for.
  private static let patienceCount = 250
  private static let pauseMicroseconds: UInt32 = 20_000

  private static func open(
    _ number: UInt64, in generations: Generations
  ) throws(StoreFailure) -> Generation {
    for _ in 0..<patienceCount {
      do throws(StoreFailure) {
        return try generations.usable(number, isReadOnly: false)
      } catch .projection(let failure) {
        switch failure {
        // LMDB has an environment open once in a process: whoever was reading when it was left behind
        // has not ended.
        case .other: usleep(pauseMicroseconds)
        case .malformedRow, .missing:
          throw .generation(.unusable(number, failure.description))
        case .diskFull, .inputOutput, .permissionDenied, .pageDamaged, .gap, .contradiction,
          .calendarChanged, .unknownZone:
          throw .projection(failure)
        }
      }
    }
    throw .generation(.stillOpen(number))
  }
}
