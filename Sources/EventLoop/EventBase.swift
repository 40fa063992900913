import CLibevent

/// libevent's loop itself, shared by everything registered with it.
///
/// A registration keeps its base alive: freeing an event after its base would touch freed memory.
@safe final class EventBase {
  let pointer: OpaquePointer

  /// A loop over epoll that sends changes of interest in batches and takes no locks: one thread uses it.
  init() throws(EventLoopFailure) {
    guard let configuration = unsafe event_config_new() else { throw .outOfMemory }
    defer { unsafe event_config_free(configuration) }
    let flags = EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST.rawValue | EVENT_BASE_FLAG_NOLOCK.rawValue
    guard unsafe event_config_set_flag(configuration, Int32(flags)) == 0,
      let pointer = unsafe event_base_new_with_config(configuration)
    else { throw EventLoopFailure("event_base_new") }
    unsafe self.pointer = pointer
  }

  deinit { unsafe event_base_free(pointer) }

  /// Waits for something to happen and runs its callbacks.
  func runOneTurn() {
    _ = unsafe event_base_loop(pointer, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY)
  }
}
