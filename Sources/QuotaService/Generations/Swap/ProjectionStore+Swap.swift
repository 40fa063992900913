internal import EventLog
internal import Glibc
internal import Projections
public import QuotaModel

/// What a swap did.
public struct SwapReport: Hashable, Sendable {
  /// The generation that is live now.
  public let number: UInt64
  /// The one that was before; nil where there was none.
  public let previous: UInt64?
  /// The last event that is folded in.
  public let position: Position
  /// How long a server did not decide anything because of the swap; nil where none runs.
  public let pauseMicroseconds: Int64?
}

extension ProjectionStore {
  private static let pollMicroseconds: UInt32 = 10_000
  /// A server looks ten times a second.
  private static let patienceMicroseconds: Int64 = 5_000_000

  /// Makes a complete generation the live one: by itself where nobody writes to the store, else by
  /// asking the server.
  public func swap(
    to number: UInt64, checking: ProgressReport? = nil, progress: ProgressReport? = nil
  ) throws(StoreFailure) -> SwapReport {
    let lock = try SwapLock(in: generations.path)
    defer { withExtendedLifetime(lock) {} }
    try check(number, checking)
    do throws(StoreFailure) {
      let writer = try WriterLock(ofStoreAt: storePath)
      defer { withExtendedLifetime(writer) {} }
      return try swapAlone(to: number, progress)
    } catch .inUse(_, let process) {
      return try ask(process, for: SwapRequest(number), progress)
    }
  }

  /// Makes the generation the live one that was live before.
  public func rollback(
    checking: ProgressReport? = nil, progress: ProgressReport? = nil
  ) throws(StoreFailure) -> SwapReport {
    guard let previous = generations.pointer?.previous, generations.hasFile(previous) else {
      throw .generation(.noPrevious)
    }
    return try swap(to: previous, checking: checking, progress: progress)
  }

  /// Everything that needs no right to write, its pages included: a server has better things to do, and
  /// cannot look at pages that it has open.
  private func check(_ number: UInt64, _ progress: ProgressReport?) throws(StoreFailure) {
    let claim = try SwapCandidate.claim(number, in: generations)
    defer { withExtendedLifetime(claim) {} }
    do throws(StoreFailure) {
      _ = try generations.checkPages(of: number, progress: progress)
      let generation = try generations.open(number, isReadOnly: true)
      guard let unfitness = try generations.unfitness(of: generation) else { return }
      throw .generation(.unusable(number, unfitness.description))
    } catch .projection(let failure) {
      throw .generation(.unusable(number, failure.description))
    }
  }

  private func swapAlone(
    to number: UInt64, _ progress: ProgressReport?
  ) throws(StoreFailure) -> SwapReport {
    try checkLogHasAllOfLive()
    let candidate = try SwapCandidate(number, in: generations, progress: progress)
    try usingProjection { () throws(ProjectionFailure) in
      try candidate.folder.generation.markClosed()
    }
    try generations.point(to: number)
    return SwapReport(
      number: number, previous: generations.pointer?.previous,
      position: candidate.folder.state.position, pauseMicroseconds: nil)
  }

  /// A log that lost its end must not be made the truth by leaving the generation that knows of it.
  private func checkLogHasAllOfLive() throws(StoreFailure) {
    guard let live = generations.pointer?.live, generations.hasFile(live) else { return }
    do throws(StoreFailure) {
      try generations.checkLogHasAll(of: try generations.open(live, isReadOnly: true))
    } catch .projection {
      // One that cannot be read is a reason to leave it.
    }
  }

  private func ask(
    _ process: Int32?, for request: SwapRequest, _ progress: ProgressReport?
  ) throws(StoreFailure) -> SwapReport {
    let directory = generations.path
    try usingFiles { () throws(FileFailure) in try request.put(in: directory) }
    let start = System.clock().microseconds
    while true {
      switch SwapAnswer(to: request, in: directory) {
      case .swapped(let report): return report
      case .refused(let text): throw .generation(.refusedByServer(text))
      case .folding(let done, let total): progress?(done, total)
      case nil: break
      }
      let isWaiting = request.isWaiting(in: directory)
      if isWaiting, System.clock().microseconds - start > Self.patienceMicroseconds {
        let isTaken = try usingFiles { () throws(FileFailure) in
          try !request.withdraw(from: directory)
        }
        if !isTaken { throw .generation(.writerSilent(process: process)) }
      }
      let isAlive = FileLock.isHeld(WriterLock.file(ofStoreAt: storePath))
      // It may have answered just before it ended.
      if !isAlive, SwapAnswer(to: request, in: directory)?.isFinal != true {
        _ = try usingFiles { () throws(FileFailure) in try request.withdraw(from: directory) }
        throw .generation(.writerEnded)
      }
      usleep(Self.pollMicroseconds)
    }
  }
}

extension SwapAnswer {
  fileprivate var isFinal: Bool {
    switch self {
    case .folding: false
    case .swapped, .refused: true
    }
  }
}
