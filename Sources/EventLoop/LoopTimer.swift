import CLibevent

/// Something that a loop does later, once or again and again.
///
/// The loop keeps it until it has fired for the last time or is cancelled; the caller need not.
public final class LoopTimer {
  private let body: () -> Void
  private let repeats: Bool
  private unowned let loop: EventLoop
  private var registration: EventRegistration?

  init(
    _ loop: EventLoop, every milliseconds: Int, _ body: @escaping () -> Void
  ) throws(EventLoopFailure) {
    self.loop = loop
    self.body = body
    repeats = true
    try start(milliseconds, EV_PERSIST)
  }

  init(
    _ loop: EventLoop, after milliseconds: Int, _ body: @escaping () -> Void
  ) throws(EventLoopFailure) {
    self.loop = loop
    self.body = body
    repeats = false
    try start(milliseconds, 0)
  }

  /// Stops it for good; harmless when it has already ended.
  public func cancel() {
    guard registration != nil else { return }
    registration = nil
    loop.forget(self)
  }

  private func start(_ milliseconds: Int, _ flags: Int32) throws(EventLoopFailure) {
    let registration = unsafe try EventRegistration(
      loop.base, descriptor: -1, flags: flags, context: self
    ) { _, _, context in
      guard let context = unsafe context else { return }
      unsafe Unmanaged<LoopTimer>.fromOpaque(context).takeUnretainedValue().fire()
    }
    try registration.activate(afterMilliseconds: milliseconds)
    self.registration = registration
  }

  private func fire() {
    if !repeats { cancel() }
    body()
  }
}
