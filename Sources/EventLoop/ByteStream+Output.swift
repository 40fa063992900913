import CLibevent
import Glibc

extension ByteStream {
  /// Appends to the output; it leaves at the end of the present callback or turn.
  public func write(_ append: (inout [UInt8]) -> Void) {
    guard isOpen, !endsAfterOutput else { return }
    output.append(append)
    guard !awaitsFlush else { return }
    awaitsFlush = true
    loop.flushLater(self)
  }

  /// Tells the peer, once everything written has been sent, that no more will come.
  public func endOutput() {
    endsAfterOutput = true
    endOutputIfDue()
  }

  /// Closes at once; the kernel still delivers what it has taken.
  public func close() {
    readable = nil
    writable = nil
    resetWatch = nil
    socket = nil
    output = OutputBuffer()
    owner = nil
  }

  /// Closes at once and resets the connection: the peer did not take its part.
  public func abort() {
    socket?.resetOnClose()
    close()
  }

  /// Sends what is written without waiting for the end of the callback.
  ///
  /// For whoever would otherwise gather too much; the owner hears of it before this returns.
  public func flushNow() {
    guard !output.isEmpty, !isAwaitingRoom else { return }
    send()
  }

  /// Offers the output to the socket, and waits for room when it does not take all of it.
  func flush() {
    awaitsFlush = false
    guard !output.isEmpty, !isAwaitingRoom else { return }
    send()
  }

  /// The connection has failed: closes and says so.
  func breakOff() {
    let owner = owner
    close()
    owner?.streamBroke()
  }

  var isAwaitingRoom: Bool { writable?.isActive ?? false }

  private func roomHasCome() {
    loop.base.clock.begin()
    send()
  }

  private func send() {
    guard owner?.outputMayLeave() ?? true, let descriptor = socket?.descriptor else { return }
    let taken = output.send(to: descriptor, keepsMemory: keepsOutputMemory)
    if taken < 0, errno != EAGAIN, errno != EINTR { return breakOff() }
    sentBytes += UInt64(max(taken, 0))
    if output.isEmpty {
      if isAwaitingRoom { writable?.deactivate() }
      endOutputIfDue()
    } else {
      awaitRoom()
    }
    owner?.outputAdvanced()
  }

  private func endOutputIfDue() {
    guard endsAfterOutput, !hasEndedOutput, output.isEmpty, let descriptor = socket?.descriptor
    else { return }
    hasEndedOutput = true
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }

  private func awaitRoom() {
    guard let descriptor = socket?.descriptor, !isAwaitingRoom else { return }
    endResetWatch()
    do throws(EventLoopFailure) {
      if writable == nil { writable = try makeWriteRegistration(descriptor) }
      try writable?.activate()
    } catch {
      breakOff()
    }
  }

  private func makeWriteRegistration(
    _ descriptor: Int32
  ) throws(EventLoopFailure) -> EventRegistration {
    unsafe try EventRegistration(
      loop.base, descriptor: descriptor, flags: EV_WRITE | EV_PERSIST, context: self
    ) { _, _, context in
      guard let context = unsafe context else { return }
      unsafe Unmanaged<ByteStream>.fromOpaque(context).takeUnretainedValue().roomHasCome()
    }
  }
}
