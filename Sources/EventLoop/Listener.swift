import CLibevent
import Glibc

/// A listening socket on a loop, TCP or unix domain; released, it no longer listens.
///
/// Where descriptors or memory run short it rests, and tries again by itself: a timer that it has from the
/// beginning looks at it, so that going on takes nothing that may be missing.
public final class Listener {
  /// How often it looks whether it rests.
  private static let restMilliseconds = 250
  /// How many connections are taken per turn, so that a flood of them leaves time for the others.
  private static let batch = 64

  /// The port in use, also when 0 was asked for; 0 for a unix domain socket.
  public let port: UInt16
  /// Whether only processes of this machine can connect.
  public let isLocal: Bool

  private let loop: EventLoop
  private let socket: Socket
  private let onConnection: (consuming Socket) -> Void
  private let file: SocketFile?
  private(set) var registration: EventRegistration?
  private var timer: LoopTimer?

  /// Listens on `host` (an address or a name) and hands over each connection, ready for a stream.
  public init(
    on loop: EventLoop, host: String, port: UInt16,
    _ onConnection: @escaping (consuming Socket) -> Void
  ) throws(ListenFailure) {
    let address = try ListeningAddress(host: host, port: port)
    let socket = try address.listen()
    self.port = try socket.boundPort()
    isLocal = address.isLoopback
    file = nil
    self.loop = loop
    self.onConnection = onConnection
    self.socket = consume socket
    do throws(EventLoopFailure) { try watch(on: loop.base) } catch { throw .loop(error) }
  }

  /// Listens on a unix domain socket at `path`, which only this user can connect to.
  ///
  /// A socket file that nobody listens on is replaced; ours is removed at the end. The caller sees to
  /// it that no other process does the same at the same moment.
  public init(
    on loop: EventLoop, unixPath path: String, _ onConnection: @escaping (consuming Socket) -> Void
  ) throws(UnixSocketFailure) {
    let socket = try UnixAddress(path: path).listen()
    file = SocketFile(path: path)
    port = 0
    isLocal = true
    self.loop = loop
    self.onConnection = onConnection
    self.socket = consume socket
    do throws(EventLoopFailure) { try watch(on: loop.base) } catch { throw .loop(error) }
  }

  // The loop keeps its timers.
  deinit { timer?.cancel() }

  private func watch(on base: EventBase) throws(EventLoopFailure) {
    let registration = unsafe try EventRegistration(
      base, descriptor: socket.descriptor, flags: EV_READ | EV_PERSIST, context: self
    ) { _, _, context in
      guard let context = unsafe context else { return }
      unsafe Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue().acceptWaiting()
    }
    try registration.activate()
    self.registration = registration
    timer = try loop.schedule(every: Self.restMilliseconds) { [unowned self] in look() }
  }

  /// Leaves new connections waiting in the kernel for a while: accepting again at once would fail again,
  /// in every turn of the loop.
  private func rest() { registration?.deactivate() }

  /// Goes on where it rests; where it cannot be watched, takes at least whoever waits now.
  private func look() {
    guard let registration, !registration.isActive else { return }
    do throws(EventLoopFailure) { try registration.activate() } catch { acceptWaiting() }
  }

  private func acceptWaiting() {
    registration?.clock.begin()
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    for _ in 0..<Self.batch {
      let connection = accept4(socket.descriptor, nil, nil, flags)
      if connection >= 0 {
        onConnection(Socket(connection))
      } else if errno == EAGAIN {
        return
      } else if Self.needsRelief(errno) {
        return rest()
      }
    }
  }

  /// Whether accepting again at once would fail again: no descriptors or no memory.
  private static func needsRelief(_ code: Int32) -> Bool {
    [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code)
  }
}
