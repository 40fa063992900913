internal import Glibc
internal import QuotaModel

/// A bounded queue between the threads that ask and the one that commits.
@safe
final class WorkQueue<Element: Sendable>: @unchecked Sendable {
  private let capacity: Int
  private var elements: [Element] = []
  private var isClosed = false
  /// Whether whoever waits is to look around; kept where nobody waits just then.
  private var isWoken = false
  /// Allocated, because the C library needs them at a fixed address.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init(capacity: Int) {
    self.capacity = capacity
    unsafe pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    // Waiting must not depend on a wall clock that jumps.
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Moves as many of `new` as fit, in order; the rest stays there.
  func take(from new: inout [Element]) {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    guard !isClosed, !new.isEmpty else { return }
    if elements.isEmpty, new.count <= capacity {
      // What waits was taken since the last time: nothing has to be copied.
      swap(&elements, &new)
    } else {
      let count = min(new.count, capacity - elements.count)
      elements.append(contentsOf: new.prefix(count))
      new.removeFirst(count)
    }
    unsafe pthread_cond_signal(condition)
  }

  /// Waits until there is something, the time is over, or the queue is closed; moves everything to
  /// `taken`, which has to be empty and whose memory the queue goes on with.
  ///
  /// false: closed, and nothing is left.
  func moveAll(to taken: inout [Element], waitingAtMost milliseconds: Int) -> Bool {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    if elements.isEmpty && !isClosed && !isWoken {
      var deadline = Self.deadline(after: milliseconds)
      unsafe pthread_cond_timedwait(condition, mutex, &deadline)
    }
    isWoken = false
    if elements.isEmpty && isClosed { return false }
    swap(&taken, &elements)
    return true
  }

  /// Has whoever waits look around although nothing has come.
  func wake() {
    unsafe pthread_mutex_lock(mutex)
    isWoken = true
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Refuses everything new; what is queued can still be taken.
  func close() {
    unsafe pthread_mutex_lock(mutex)
    isClosed = true
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  private static func deadline(after milliseconds: Int) -> timespec {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    let nanoseconds = time.tv_nsec + (milliseconds % 1000) * 1_000_000
    return timespec(
      tv_sec: time.tv_sec + milliseconds / 1000 + nanoseconds / 1_000_000_000,
      tv_nsec: nanoseconds % 1_000_000_000)
  }
}
