import CLibevent
import Glibc

/// What a ``ByteStream`` tells its owner. After ``streamBroke()`` there is nothing more to come.
public protocol ByteStreamOwner: AnyObject {
  /// These bytes have arrived; they are lent for the duration of the call.
  func received(_ bytes: Span<UInt8>)
  /// The peer will send nothing more; it may still read.
  func inputEnded()
  /// Whether what is written may be offered to the socket now; whoever says no has closed the stream.
  func outputMayLeave() -> Bool
  /// The socket has taken output; there is room for more.
  func outputAdvanced()
  /// The connection is gone, in both directions.
  func streamBroke()
}

extension ByteStreamOwner {
  public func outputMayLeave() -> Bool { true }
}

/// A connected socket on a loop: hands over what arrives and sends what is written, in order.
///
/// Output is gathered in memory and sent once, after the callback that received something or at the
/// end of the turn. What the socket does not take stays here until it does: whoever writes watches
/// ``pendingOutput`` and stops reading while it is high.
public final class ByteStream {
  /// Whom to tell. Not kept: it owns the stream, and closes it (which ends the relation) or outlives it.
  ///
  /// Not `weak` either, which would make every retain of the owner twice as dear.
  public unowned var owner: (any ByteStreamOwner)?

  /// How many bytes the socket has taken since the beginning.
  public internal(set) var sentBytes: UInt64 = 0

  /// Whether the peer has been told that no more will come.
  public internal(set) var hasEndedOutput = false

  /// Whether what arrives over TCP is acknowledged without delay.
  ///
  /// A peer that writes a message in two parts without `TCP_NODELAY` sends the second one when the
  /// first is acknowledged, which Linux delays by some 40 ms. It costs two system calls per read.
  public var acknowledgesAtOnce = false {
    didSet { if acknowledgesAtOnce { socket?.acknowledgeNow() } }
  }

  /// Whether memory for output is kept for the next. A stream that rarely writes costs less without.
  public var keepsOutputMemory = true

  let loop: EventLoop
  var socket: Socket?
  var output = OutputBuffer()
  var readable: EventRegistration?
  var writable: EventRegistration?
  var resetWatch: EventRegistration?
  var awaitsFlush = false
  var endsAfterOutput = false

  /// Takes over a connected socket and begins to read.
  public init(_ socket: consuming Socket, on loop: EventLoop) throws(EventLoopFailure) {
    self.loop = loop
    self.socket = consume socket
    try watchInput()
  }

  public var isOpen: Bool { socket != nil }

  /// Bytes written that the socket has not taken yet.
  public var pendingOutput: Int { output.count }

  /// Whether arriving bytes are being received.
  public var isReading: Bool { readable?.isActive ?? false }
}

extension ByteStream {
  /// Leaves what arrives to the kernel, and so to the peer's patience.
  public func pauseReading() {
    if isReading { readable?.deactivate() }
  }

  public func resumeReading() {
    guard isOpen, !isReading else { return }
    endResetWatch()
    do throws(EventLoopFailure) { try readable?.activate() } catch { breakOff() }
  }

  private func watchInput() throws(EventLoopFailure) {
    guard let descriptor = socket?.descriptor else { return }
    let registration = unsafe try EventRegistration(
      loop.base, descriptor: descriptor, flags: EV_READ | EV_PERSIST, context: self
    ) { _, _, context in
      guard let context = unsafe context else { return }
      unsafe Unmanaged<ByteStream>.fromOpaque(context).takeUnretainedValue().receive()
    }
    try registration.activate()
    readable = registration
  }

  private func receive() {
    loop.base.clock.begin()
    guard let descriptor = socket?.descriptor else { return }
    if acknowledgesAtOnce { socket?.acknowledgeNow() }
    let count = loop.readBuffer.receive(from: descriptor)
    if acknowledgesAtOnce { socket?.acknowledgeNow() }
    if count < 0 {
      if errno != EAGAIN, errno != EINTR { breakOff() }
      return
    }
    awaitsFlush = true
    if count > 0 {
      loop.readBuffer.withBytes(count) { owner?.received($0) }
    } else {
      pauseReading()
      owner?.inputEnded()
    }
    flush()
  }
}
