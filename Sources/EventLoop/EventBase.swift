import CLibevent

/// libevent's loop itself, shared by everything registered with it.
///
/// A registration keeps its base alive: freeing an event after its base would touch freed memory.
@safe final class EventBase {
  let pointer: OpaquePointer
  /// Every callback tells it that it begins.
  let clock: TurnClock

  /// A loop over epoll that sends changes of interest in batches and takes no locks: one thread uses it.
  init(_ clock: TurnClock) throws(EventLoopFailure) {
    guard let configuration = unsafe event_config_new() else { throw .outOfMemory }
    defer { unsafe event_config_free(configuration) }
    let flags = EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST.rawValue | EVENT_BASE_FLAG_NOLOCK.rawValue
    guard unsafe event_config_set_flag(configuration, Int32(flags)) == 0,
      let pointer = unsafe event_base_new_with_config(configuration)
    else { throw EventLoopFailure("event_base_new") }
    unsafe self.pointer = pointer
    self.clock = clock
  }

  deinit { unsafe event_base_free(pointer) }

  /// Runs the callbacks of what has happened, or else waits for something to happen.
  func runOneTurn(waits: Bool) {
    let flags = (waits ? EVLOOP_ONCE : EVLOOP_NONBLOCK) | EVLOOP_NO_EXIT_ON_EMPTY
    _ = unsafe event_base_loop(pointer, flags)
  }
}
