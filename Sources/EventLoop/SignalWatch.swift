import CLibevent
import Glibc

/// Runs something on the loop whenever the process gets a signal, even one that whoever started the
/// process had blocked: the block is inherited, and nobody could end the process by that signal.
final class SignalWatch {
  private let body: () -> Void
  private var registration: EventRegistration?

  init(
    _ number: Int32, on base: EventBase, _ body: @escaping () -> Void
  ) throws(EventLoopFailure) {
    self.body = body
    let registration = unsafe try EventRegistration(
      base, descriptor: number, flags: EV_SIGNAL | EV_PERSIST, context: self
    ) { _, _, context in
      guard let context = unsafe context else { return }
      let watch = unsafe Unmanaged<SignalWatch>.fromOpaque(context).takeUnretainedValue()
      watch.registration?.clock.begin()
      watch.body()
    }
    try registration.activate()
    self.registration = registration
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, number)
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }
}
