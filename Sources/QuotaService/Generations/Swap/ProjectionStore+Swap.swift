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

  /// How often it is tried to swap alone: whoever wrote to the store may have been no server, and through.
  private static let attemptCount = 3

  /// Makes a complete generation the live one: by itself where nobody writes to the store, else by
  /// asking the server.
  public func swap(
    to number: UInt64, acceptingLostEvents: Bool = false, checking: ProgressReport? = nil,
    progress: ProgressReport? = nil
  ) throws(StoreFailure) -> SwapReport {
    let lock = try SwapLock(in: generations.path)
    defer { withExtendedLifetime(lock) {} }
    try check(number, checking)
    for _ in 0..<Self.attemptCount {
      do throws(StoreFailure) {
        return try swapNow(to: number, acceptingLostEvents: acceptingLostEvents, progress)
      } catch .generation(.writerEnded) {
        if let report = try reportOfSwap(to: number) { return report }
      }
    }
    throw .generation(.writerEnded)
  }

  /// What a server would have answered that swapped and then was killed; nil where it had not swapped.
  private func reportOfSwap(to number: UInt64) throws(StoreFailure) -> SwapReport? {
    guard let pointer = generations.pointer, pointer.live == number else { return nil }
    let generation = try generations.open(number, isReadOnly: true)
    let state = try usingProjection(generation.state())
    return SwapReport(
      number: number, previous: pointer.previous, position: state?.position ?? .zero,
      pauseMicroseconds: nil)
  }

  private func swapNow(
    to number: UInt64, acceptingLostEvents: Bool, _ progress: ProgressReport?
  ) throws(StoreFailure) -> SwapReport {
    let writer: WriterLock
    do throws(StoreFailure) {
      writer = try WriterLock(ofStoreAt: storePath)
    } catch .inUse(_, let process) {
      return try ask(process, for: SwapRequest(number), progress)
    }
    defer { withExtendedLifetime(writer) {} }
    do throws(StoreFailure) {
      // A log that lost its end must not be made the truth by leaving the generation that knows of it.
      try generations.checkLogHasAllOfLive()
    } catch .logLostItsEnd where acceptingLostEvents {
      // What was signed for what is lost must not be signed for something else.
      try Store.replaceKey(ofStoreAt: storePath, of: log)
    }
    return try swapAlone(to: number, progress)
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
      _ = try generations.usable(number, isReadOnly: true)
    } catch .projection(let failure) {
      throw .generation(.unusable(number, failure.description))
    }
  }

  private func swapAlone(
    to number: UInt64, _ progress: ProgressReport?
  ) throws(StoreFailure) -> SwapReport {
    let candidate = try SwapCandidate(number, in: generations, progress: progress)
    try generations.close(candidate.folder.generation)
    try generations.closeLive()
    try generations.point(to: number)
    return SwapReport(
      number: number, previous: generations.pointer?.previous,
      position: candidate.folder.state.position, pauseMicroseconds: nil)
  }

  private func ask(
    _ process: Int32?, for request: SwapRequest, _ progress: ProgressReport?
  ) throws(StoreFailure) -> SwapReport {
    let directory = generations.path
    try request.put(in: directory)
    let start = System.clock().microseconds
    while true {
      // Looked at before the answer, which may come just before the end.
      let isAlive = isStillHeld(WriterLock.file(ofStoreAt: storePath), by: process)
      let isWaiting = request.isWaiting(in: directory)
      switch SwapAnswer(to: request, in: directory) {
      case .swapped(let report): return report
      case .refused(let text): throw .generation(.refusedByServer(text))
      case .folding(let done, let total): progress?(done, total)
      case nil: break
      }
      if !isAlive {
        _ = try withdraw(request)
        throw .generation(.writerEnded)
      }
      let isLate = System.clock().microseconds - start > Self.patienceMicroseconds
      if isWaiting, isLate, try withdraw(request) {
        throw .generation(.writerSilent(process: process))
      }
      usleep(Self.pollMicroseconds)
    }
  }

  /// Whoever has the lock now may not be who took the request: a server that was killed is started again.
  private func isStillHeld(_ lock: String, by process: Int32?) -> Bool {
    guard FileLock.isHeld(lock) else { return false }
    guard let process, let holder = FileLock.holder(of: lock) else { return true }
    return holder == process
  }

  /// Answers false where somebody has taken the request.
  private func withdraw(_ request: SwapRequest) throws(StoreFailure) -> Bool {
    try request.withdraw(from: generations.path)
  }
}
