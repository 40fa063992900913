import EventLoop

/// What the handler is to be told of its streams, by a turn of the loop that does only that.
///
/// A handler that writes to all its streams may lose some of them by it: told at once, it would
/// change what it goes through. And one that writes whenever it may leaves others their turn.
final class StreamNotices {
  enum Notice {
    case closed(StreamHandle, StreamClosure)
    case sent(StreamHandle)
  }

  private let loop: EventLoop
  private let handler: any HTTPHandler
  private var notices: [Notice] = []
  private var timer: LoopTimer?

  init(loop: EventLoop, handler: any HTTPHandler) {
    self.loop = loop
    self.handler = handler
  }

  deinit { timer?.cancel() }

  func add(_ notice: Notice) {
    notices.append(notice)
    guard timer == nil else { return }
    do throws(EventLoopFailure) {
      timer = try loop.schedule(after: 0) { [unowned self] in deliver() }
    } catch {
      // Without memory for a timer the next notice tries again.
    }
  }

  private func deliver() {
    timer = nil
    let notices = notices
    self.notices = []
    for notice in notices {
      switch notice {
      case .closed(let handle, let reason): handler.streamClosed(handle, reason)
      case .sent(let handle): handler.streamSent(handle)
      }
    }
  }
}
