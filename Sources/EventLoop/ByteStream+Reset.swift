import CLibevent
import Glibc

extension ByteStream {
  /// Has a reset be noticed while arriving bytes are left to the kernel, until reading is resumed.
  ///
  /// Edge-triggered: what has arrived, the end of input included, would otherwise be told over and
  /// over. Not needed while the socket is awaited for output, which notices a reset by itself; to be
  /// called again when that is over.
  public func watchForReset() {
    guard let descriptor = socket?.descriptor, !isReading, !isAwaitingRoom,
      resetWatch?.isActive != true
    else { return }
    do throws(EventLoopFailure) {
      if resetWatch == nil { resetWatch = try makeResetRegistration(descriptor) }
      try resetWatch?.activate()
    } catch {
      breakOff()
    }
  }

  /// Ends the watch before another interest in the socket, which an edge would make miss its bytes.
  func endResetWatch() {
    if resetWatch?.isActive == true { resetWatch?.deactivate() }
  }

  private func makeResetRegistration(
    _ descriptor: Int32
  ) throws(EventLoopFailure) -> EventRegistration {
    unsafe try EventRegistration(
      loop.base, descriptor: descriptor, flags: EV_READ | EV_ET | EV_PERSIST, context: self
    ) { _, _, context in
      guard let context = unsafe context else { return }
      unsafe Unmanaged<ByteStream>.fromOpaque(context).takeUnretainedValue().checkReset()
    }
  }

  private func checkReset() {
    if socket?.takeError() != 0 { breakOff() }
  }
}
