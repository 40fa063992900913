import CLibevent
import Glibc

/// One interest in a descriptor, a moment or a signal; released, it is gone from the loop.
@safe final class EventRegistration {
  private let event: OpaquePointer
  private let base: EventBase
  /// To be told by the callback that it begins.
  var clock: TurnClock { base.clock }
  private(set) var isActive = false

  /// Prepares the interest without activating it.
  ///
  /// `context` reaches `callback` unretained: whoever owns the registration must outlive it, or be it.
  init(
    _ base: EventBase, descriptor: Int32, flags: Int32, context: AnyObject,
    callback: event_callback_fn
  ) throws(EventLoopFailure) {
    let context = unsafe Unmanaged.passUnretained(context).toOpaque()
    guard
      let event = unsafe event_new(base.pointer, descriptor, Int16(flags), callback, context)
    else { throw .outOfMemory }
    unsafe self.event = event
    self.base = base
  }

  deinit { unsafe event_free(event) }

  /// Starts to watch; with a delay, for at most so long (or every so often, when persistent).
  func activate(afterMilliseconds delay: Int? = nil) throws(EventLoopFailure) {
    let result: Int32
    if let delay {
      var interval = timeval(tv_sec: delay / 1000, tv_usec: delay % 1000 * 1000)
      result = unsafe event_add(event, &interval)
    } else {
      result = unsafe event_add(event, nil)
    }
    guard result == 0 else { throw EventLoopFailure("event_add") }
    isActive = true
  }

  /// Stops to watch until activated again.
  func deactivate() {
    _ = unsafe event_del(event)
    isActive = false
  }
}
