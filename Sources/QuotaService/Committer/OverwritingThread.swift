internal import Glibc
internal import Synchronization

/// A thread that overwrites what erased users left behind in the file of names, so that nobody waits
/// for it. What it does not finish, the next start does.
final class OverwritingThread: Sendable {
  private enum Request { case overwrite }

  /// From one try to the next while the disk fails; every pause is twice as long as the one before.
  private static let retryMilliseconds = 200...60_000
  private let requests = WorkQueue<Request>(capacity: 1)
  private let isStopping = Atomic(false)
  private let names: NameStore
  private let thread: Mutex<pthread_t?>

  init(names: NameStore) {
    self.names = names
    thread = Mutex(nil)
    let thread = Thread.start(named: "overwriting") { [self] in serve() }
    self.thread.withLock { $0 = thread }
  }

  /// Has everything overwritten that was erased before.
  func start() {
    var request = [Request.overwrite]
    // One that waits already will do.
    requests.take(from: &request)
  }

  /// Ends the thread.
  func stop() {
    isStopping.store(true, ordering: .relaxed)
    requests.close()
    if let ending = thread.withLock({ $0.take() }) { pthread_join(ending, nil) }
  }

  private func serve() {
    var waiting: [Request] = []
    while requests.moveAll(to: &waiting, waitingAtMost: 60_000) {
      if waiting.isEmpty { continue }
      waiting.removeAll()
      var pause = Self.retryMilliseconds.lowerBound
      while !isStopping.load(ordering: .relaxed), !overwrite() {
        // Asked for more, it tries at once.
        guard requests.moveAll(to: &waiting, waitingAtMost: pause) else { return }
        waiting.removeAll()
        pause = min(2 * pause, Self.retryMilliseconds.upperBound)
      }
    }
  }

  /// Whether there is nothing left to do. A failure of the disk is tried again: the marks stay.
  private func overwrite() -> Bool {
    do throws(StoreFailure) {
      return try names.overwriteRemains { !isStopping.load(ordering: .relaxed) }
    } catch {
      return false
    }
  }
}
