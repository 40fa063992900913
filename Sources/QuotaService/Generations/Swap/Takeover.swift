internal import Projections
internal import Synchronization

/// A generation that is ready to go on with, on its way from the thread that made it ready to the
/// committer's, and what became of it on the way back.
///
/// Unchecked, because a folder belongs to one thread: it changes hands with the takeover.
final class Takeover: @unchecked Sendable {
  enum Outcome: @unchecked Sendable {
    /// The folder that was gone on with until now: freeing it takes too long for a pause.
    case done(predecessor: Folder, pauseMicroseconds: Int64)
    case refused(StoreFailure)
  }

  private let successor: Folder
  private let takeEffect: @Sendable () throws(StoreFailure) -> Void
  private let outcome = WorkQueue<Outcome>(capacity: 1)

  init(_ successor: Folder, takeEffect: @escaping @Sendable () throws(StoreFailure) -> Void) {
    self.successor = successor
    self.takeEffect = takeEffect
  }

  /// On the committer's thread, between two batches.
  func carryOut(by ledger: Ledger) {
    let start = ContinuousClock.now
    var outcomes: [Outcome]
    do throws(StoreFailure) {
      let predecessor = try ledger.adopt(successor, takeEffect: takeEffect)
      let pause = ContinuousClock.now - start
      let microseconds = pause.components.attoseconds / 1_000_000_000_000
      outcomes = [
        .done(
          predecessor: predecessor,
          pauseMicroseconds: pause.components.seconds * 1_000_000 + microseconds)
      ]
    } catch {
      outcomes = [.refused(error)]
    }
    outcome.take(from: &outcomes)
  }

  /// What became of it; nil where nothing has within the time.
  func waitForOutcome(milliseconds: Int) -> Outcome? {
    var outcomes: [Outcome] = []
    _ = outcome.moveAll(to: &outcomes, waitingAtMost: milliseconds)
    return outcomes.first
  }
}

/// Where a takeover waits until the committer has ended its batch.
final class TakeoverBox: Sendable {
  private let waiting = Mutex<Takeover?>(nil)
  private let wake: @Sendable () -> Void

  init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

  func put(_ takeover: Takeover) {
    waiting.withLock { $0 = takeover }
    wake()
  }

  /// What waits, which does so no more.
  func take() -> Takeover? { waiting.withLock { $0.take() } }
}
