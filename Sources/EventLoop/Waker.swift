import CLibevent
import Glibc
import Synchronization

/// Has a loop run something, from any thread.
///
/// Wake-ups that come before the loop got to the first are one wake-up: put the work where the loop
/// will look for it, then call ``wake()``.
public final class Waker: Sendable {
  private let signal: WakeSignal

  init(_ signal: WakeSignal) {
    self.signal = signal
  }

  public func wake() {
    signal.raise()
  }
}

/// An eventfd and whether it has been written to since the loop last looked.
final class WakeSignal: Sendable {
  let descriptor: Int32
  private let isRaised = Atomic(false)

  init() throws(EventLoopFailure) {
    descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard descriptor >= 0 else { throw EventLoopFailure("eventfd") }
  }

  deinit { close(descriptor) }

  func raise() {
    guard !isRaised.exchange(true, ordering: .acquiringAndReleasing) else { return }
    _ = eventfd_write(descriptor, 1)
  }

  /// Makes the next ``raise()`` count again; the work put down before is visible afterwards.
  func lower() {
    var count: eventfd_t = 0
    _ = unsafe eventfd_read(descriptor, &count)
    _ = isRaised.exchange(false, ordering: .acquiringAndReleasing)
  }
}

/// The loop's end of a waker.
final class WakeWatch {
  private let signal: WakeSignal
  private let onWake: () -> Void
  private var registration: EventRegistration?

  init(
    _ signal: WakeSignal, on base: EventBase, _ onWake: @escaping () -> Void
  ) throws(EventLoopFailure) {
    self.signal = signal
    self.onWake = onWake
    let registration = unsafe try EventRegistration(
      base, descriptor: signal.descriptor, flags: EV_READ | EV_PERSIST, context: self
    ) { _, _, context in
      guard let context = unsafe context else { return }
      unsafe Unmanaged<WakeWatch>.fromOpaque(context).takeUnretainedValue().woken()
    }
    try registration.activate()
    self.registration = registration
  }

  private func woken() {
    registration?.clock.begin()
    signal.lower()
    onWake()
  }
}
