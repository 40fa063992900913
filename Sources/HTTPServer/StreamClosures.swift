import EventLoop

/// The streams of whose end the handler is to be told, by a turn of the loop that does only that.
///
/// A handler that writes to all its streams may lose some of them by it: told at once, it would
/// change what it goes through.
final class StreamClosures {
  private let loop: EventLoop
  private let handler: any HTTPHandler
  private var closures: [(handle: StreamHandle, reason: StreamClosure)] = []
  private var timer: LoopTimer?

  init(loop: EventLoop, handler: any HTTPHandler) {
    self.loop = loop
    self.handler = handler
  }

  deinit { timer?.cancel() }

  func add(_ handle: StreamHandle, _ reason: StreamClosure) {
    closures.append((handle, reason))
    guard timer == nil else { return }
    do throws(EventLoopFailure) {
      timer = try loop.schedule(after: 0) { [unowned self] in deliver() }
    } catch {
      // Without memory for a timer the next closure tries again.
    }
  }

  /// Tells the handler of everything that has been added.
  private func deliver() {
    timer = nil
    let closures = closures
    self.closures = []
    for (handle, reason) in closures { handler.streamClosed(handle, reason) }
  }
}
