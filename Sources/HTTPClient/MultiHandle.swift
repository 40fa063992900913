internal import CCurl
internal import EventLoop

/// libcurl's side of all requests, driven by the loop: it waits, libcurl reads and writes.
///
/// libcurl must not be called from its own callbacks. None of them calls anything here but the loop;
/// ``onAction`` is called when libcurl has returned.
@safe final class MultiHandle {
  /// Something may have arrived or ended.
  var onAction: (() -> Void)?

  /// Why the loop refused a descriptor or a timer; from then on nothing works.
  private(set) var failure: EventLoopFailure?

  private let loop: EventLoop
  private let pointer: UnsafeMutableRawPointer
  private var watches: [Int32: DescriptorWatch] = [:]
  private var timer: LoopTimer?

  /// libcurl's preparations for the whole process.
  private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  init(on loop: EventLoop, idleConnections: Int) throws(HTTPClientFailure) {
    guard Self.isReady, let pointer = unsafe curl_multi_init() else { throw .outOfMemory }
    self.loop = loop
    unsafe self.pointer = pointer
    _ = unsafe ccurl_multi_set_long(pointer, CURLMOPT_MAXCONNECTS, idleConnections)
    report()
  }

  /// Every handle must have been removed before. Closing the connections reports nothing.
  deinit {
    timer?.cancel()
    watches = [:]
    _ = unsafe ccurl_multi_report(pointer, nil, nil, nil)
    _ = unsafe curl_multi_cleanup(pointer)
  }

  /// Begins; whatever becomes of it is told in a later turn.
  func add(_ easy: EasyHandle) throws(HTTPClientFailure) {
    if let failure { throw .loop(failure) }
    guard unsafe curl_multi_add_handle(pointer, easy.pointer) == CURLM_OK else {
      throw .outOfMemory
    }
  }

  /// Ends it, whatever its state.
  func remove(_ easy: EasyHandle) {
    let code = unsafe curl_multi_remove_handle(pointer, easy.pointer)
    precondition(code == CURLM_OK, "libcurl refused to let a transfer go: \(code.rawValue)")
  }

  /// The next transfer that has ended by itself.
  func nextEnded() -> (id: EasyHandle.ID, code: CURLcode)? {
    var left: Int32 = 0
    while let message = unsafe curl_multi_info_read(pointer, &left) {
      guard unsafe message.pointee.msg == CURLMSG_DONE,
        let easy = unsafe message.pointee.easy_handle
      else { continue }
      return unsafe (EasyHandle.ID(easy), message.pointee.data.result)
    }
    return nil
  }
}

extension MultiHandle {
  private func report() {
    _ = unsafe ccurl_multi_report(
      pointer,
      { _, descriptor, interest, context, _ in
        guard let context = unsafe context else { return -1 }
        let multi = unsafe Unmanaged<MultiHandle>.fromOpaque(context).takeUnretainedValue()
        return multi.watch(descriptor, for: interest)
      },
      { _, milliseconds, context in
        guard let context = unsafe context else { return -1 }
        let multi = unsafe Unmanaged<MultiHandle>.fromOpaque(context).takeUnretainedValue()
        return multi.wake(afterMilliseconds: milliseconds)
      },
      unsafe Unmanaged.passUnretained(self).toOpaque())
  }

  /// Called by libcurl, before it closes a descriptor too: 0, or -1 to make every transfer fail.
  private func watch(_ descriptor: Int32, for interest: Int32) -> Int32 {
    watches[descriptor] = nil
    guard interest != CURL_POLL_REMOVE, interest != CURL_POLL_NONE else { return 0 }
    var readiness: DescriptorWatch.Readiness = []
    if interest & CURL_POLL_IN != 0 { readiness.insert(.readable) }
    if interest & CURL_POLL_OUT != 0 { readiness.insert(.writable) }
    return attempt { () throws(EventLoopFailure) in
      watches[descriptor] = try DescriptorWatch(descriptor, for: readiness, on: loop) {
        [weak self] in self?.act(on: descriptor, $0)
      }
    }
  }

  /// Called by libcurl; a negative time means never.
  private func wake(afterMilliseconds milliseconds: Int) -> Int32 {
    timer?.cancel()
    timer = nil
    guard milliseconds >= 0 else { return 0 }
    return attempt { () throws(EventLoopFailure) in
      timer = try loop.schedule(after: milliseconds) { [weak self] in
        self?.act(on: CURL_SOCKET_BAD, [])
      }
    }
  }

  private func attempt(_ step: () throws(EventLoopFailure) -> Void) -> Int32 {
    do throws(EventLoopFailure) {
      try step()
      return 0
    } catch {
      failure = error
      return -1
    }
  }

  /// Lets libcurl read and write there, or, with no descriptor, do what its time has come for.
  private func act(on descriptor: Int32, _ readiness: DescriptorWatch.Readiness) {
    var events: Int32 = 0
    if readiness.contains(.readable) { events |= CURL_CSELECT_IN }
    if readiness.contains(.writable) { events |= CURL_CSELECT_OUT }
    var running: Int32 = 0
    _ = unsafe curl_multi_socket_action(pointer, descriptor, events, &running)
    onAction?()
  }
}
