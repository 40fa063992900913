import CLibevent
import Glibc

/// A listening TCP socket on a loop; released, it no longer listens.
public final class Listener {
  /// How many connections are taken per turn, so that a flood of them leaves time for the others.
  private static let batch = 64

  /// The port in use, also when 0 was asked for.
  public let port: UInt16

  private let socket: Socket
  private let onConnection: (consuming Socket) -> Void
  private var registration: EventRegistration?

  /// Listens on `host` (an address or a name) and hands over each connection, ready for a stream.
  public init(
    on loop: EventLoop, host: String, port: UInt16,
    _ onConnection: @escaping (consuming Socket) -> Void
  ) throws(ListenFailure) {
    let socket = try ListeningAddress(host: host, port: port).listen()
    self.port = try socket.boundPort()
    self.onConnection = onConnection
    let descriptor = socket.descriptor
    self.socket = consume socket
    do throws(EventLoopFailure) {
      registration = try watch(descriptor, on: loop.base)
    } catch {
      throw .loop(error)
    }
  }

  /// Leaves new connections waiting in the kernel.
  public func pause() {
    registration?.deactivate()
  }

  /// Takes connections again, also after it had to stop for want of descriptors or memory.
  public func resume() throws(EventLoopFailure) {
    guard let registration, !registration.isActive else { return }
    try registration.activate()
  }

  private func watch(
    _ descriptor: Int32, on base: EventBase
  ) throws(EventLoopFailure) -> EventRegistration {
    let registration = unsafe try EventRegistration(
      base, descriptor: descriptor, flags: EV_READ | EV_PERSIST, context: self
    ) { _, _, context in
      guard let context = unsafe context else { return }
      unsafe Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue().acceptWaiting()
    }
    try registration.activate()
    return registration
  }

  private func acceptWaiting() {
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    for _ in 0..<Self.batch {
      guard registration?.isActive == true else { return }
      let connection = accept4(socket.descriptor, nil, nil, flags)
      if connection >= 0 {
        onConnection(Socket(connection))
      } else if errno == EAGAIN {
        return
      } else if Self.needsRelief(errno) {
        return pause()
      }
    }
  }

  /// Whether accepting again at once would fail again: no descriptors or no memory.
  private static func needsRelief(_ code: Int32) -> Bool {
    [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code)
  }
}
