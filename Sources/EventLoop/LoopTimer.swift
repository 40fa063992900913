import CLibevent

/// Something that a loop does later, once or again and again.
///
/// The loop keeps it until it has fired for the last time or is cancelled; the caller need not.
public final class LoopTimer {
  private let body: () -> Void
  private let repeats: Bool
  private let keeper: TimerKeeper
  private var registration: EventRegistration?

  init(
    _ keeper: TimerKeeper, on base: EventBase, milliseconds: Int, repeats: Bool,
    _ body: @escaping () -> Void
  ) throws(EventLoopFailure) {
    self.keeper = keeper
    self.repeats = repeats
    self.body = body
    let registration = unsafe try EventRegistration(
      base, descriptor: -1, flags: repeats ? EV_PERSIST : 0, context: self
    ) { _, _, context in
      guard let context = unsafe context else { return }
      unsafe Unmanaged<LoopTimer>.fromOpaque(context).takeUnretainedValue().fire()
    }
    try registration.activate(afterMilliseconds: milliseconds)
    self.registration = registration
    keeper.keep(self)
  }

  /// Stops it for good; harmless when it has already ended.
  public func cancel() {
    registration = nil
    keeper.release(self)
  }

  private func fire() {
    registration?.clock.begin()
    if !repeats { cancel() }
    body()
  }
}

/// Keeps the timers of a loop that may still fire.
final class TimerKeeper {
  private var timers: [ObjectIdentifier: LoopTimer] = [:]

  func keep(_ timer: LoopTimer) {
    timers[ObjectIdentifier(timer)] = timer
  }

  func release(_ timer: LoopTimer) {
    timers[ObjectIdentifier(timer)] = nil
  }

  /// Ends all of them: each keeps its keeper, so that without this none would ever be freed.
  func releaseAll() {
    timers = [:]
  }
}
