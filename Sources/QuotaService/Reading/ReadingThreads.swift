internal import Glibc
internal import QuotaModel

/// Threads that do what would take the loop too long. They step back where the processor is short: whoever
/// asks for much waits before anybody else does.
@safe
final class ReadingThreads: @unchecked Sendable {
  typealias Work = @Sendable () -> Void

  /// Questions of one user that may wait.
  static let capacity = 256
  /// What the system gives to others first, from 0 to 19.
  private static let niceness: Int32 = 10

  private var queue = FairQueue<UserID?, Work>(capacity: capacity)
  private var isStopping = false
  private var threads: [pthread_t] = []
  /// Allocated, because the C library needs them at a fixed address.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init(count: Int) {
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
    for _ in 0..<count {
      threads.append(Thread.start(named: "reading") { [self] in run() })
    }
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Has something done; false where too much of the same user waits, or the threads have ended.
  func run(_ work: @escaping Work, for user: UserID?, isPatient: Bool) -> Bool {
    locked {
      guard !isStopping else { return false }
      switch queue.add(work, for: user, isPatient: isPatient) {
      case .isDue:
        unsafe pthread_cond_signal(condition)
        return true
      // Whoever ends the work before it goes on with it: a thread that is woken for nothing holds the mutex
      // where it is short of the processor, and the loop waits.
      case .waits: return true
      case .isRefused: return false
      }
    }
  }

  /// Ends the threads; what waits is not done any more.
  func stop() {
    let ending = locked {
      isStopping = true
      queue.removeAll()
      unsafe pthread_cond_broadcast(condition)
      defer { threads = [] }
      return threads
    }
    for thread in ending { pthread_join(thread, nil) }
  }

  private func run() {
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
    var last: UserID??
    // What was done is let go of before the next is waited for: it may be a body of megabytes.
    while let (work, user) = next(behind: last) {
      work()
      last = .some(user)
    }
  }

  private func next(behind last: UserID??) -> (work: Work, person: UserID?)? {
    locked {
      if let last { queue.end(last) }
      return take()
    }
  }

  /// Waits for something to do; nil at the end. With the mutex.
  private func take() -> (work: Work, person: UserID?)? {
    while !isStopping {
      if let next = queue.take() { return next }
      unsafe pthread_cond_wait(condition, mutex)
    }
    return nil
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body()
  }
}
