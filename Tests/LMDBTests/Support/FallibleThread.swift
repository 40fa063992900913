import Foundation
import Synchronization

/// Runs a body on a thread of its own; `failure()` waits for its end.
final class FallibleThread: Sendable {
  private let error = Mutex<(any Error)?>(nil)
  private let ended = DispatchSemaphore(value: 0)

  init(_ body: @escaping @Sendable () throws -> Void) {
    Thread.detachNewThread {
      do { try body() } catch { self.error.withLock { $0 = error } }
      self.ended.signal()
    }
  }

  /// Whether it comes to its end within so many seconds.
  func hasEnded(within seconds: Int) -> Bool {
    guard ended.wait(timeout: .now() + .seconds(seconds)) == .success else { return false }
    ended.signal()
    return true
  }

  func failure() -> (any Error)? {
    ended.wait()
    return error.withLock { $0 }
  }
}
