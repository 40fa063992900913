internal import Glibc

/// Measures the turns of a loop: from the first callback of each to its end.
///
/// Nothing else happens meanwhile, so the longest turn is what anybody may have had to wait for.
public final class TurnClock {
  /// Nanoseconds that only go on; a test has its own.
  let now: () -> UInt64
  private var start: UInt64 = 0
  private(set) var longest: UInt64 = 0

  public init(_ now: @escaping () -> UInt64 = TurnClock.monotonic) { self.now = now }

  public static func monotonic() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// A callback begins.
  func begin() {
    if start == 0 { start = now() }
  }

  func end() {
    guard start != 0 else { return }
    longest = max(longest, now() - start)
    start = 0
  }

  func forget() { longest = 0 }
}
