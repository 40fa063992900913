internal import Glibc
internal import Projections
internal import Synchronization

/// A thread that writes a projection's tables, so that deciding or folding goes on meanwhile.
final class StoringThread: Sendable {
  private let jobs: WorkQueue<StoreJob>
  private let thread: Mutex<pthread_t?>

  init() {
    let jobs = WorkQueue<StoreJob>(capacity: 4)
    self.jobs = jobs
    thread = Mutex(
      Thread.start(named: "storing") {
        var waiting: [StoreJob] = []
        while jobs.moveAll(to: &waiting, waitingAtMost: 60_000) {
          for job in waiting { job.run() }
          waiting.removeAll()
        }
      })
  }

  /// Has the job carried out; after `stop`, by the caller itself.
  func run(_ job: StoreJob) {
    var work = [job]
    jobs.take(from: &work)
    for job in work { job.run() }
  }

  /// Carries out what waits, and ends the thread.
  func stop() {
    jobs.close()
    if let ending = thread.withLock({ $0.take() }) { pthread_join(ending, nil) }
  }
}
