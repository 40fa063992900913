import CLibevent
import Glibc

/// An open socket; closed when its owner lets go of it.
public struct Socket: ~Copyable {
  let descriptor: Int32

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// Connects to the unix domain socket at `path`. It waits for room in the listener's queue.
  public init(connectingToUnixPath path: String) throws(UnixSocketFailure) {
    self = try UnixAddress(path: path).connect()
  }

  deinit { close(descriptor) }

  /// Gives the descriptor away, in non-blocking mode: whoever takes it closes it.
  public consuming func release() -> Int32 {
    let descriptor = descriptor
    discard self
    return descriptor
  }

  /// Has the coming close reset the connection and drop what the peer has not taken.
  func resetOnClose() {
    var option = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout<linger>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
  }

  /// What has befallen the connection since it was last asked, as an `errno`, or 0.
  func takeError() -> Int32 {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
    return result == 0 ? code : errno
  }

  /// Switches a yes-or-no option on.
  func enable(_ option: Int32, at level: Int32) -> Bool {
    var yes: Int32 = 1
    return unsafe setsockopt(
      descriptor, level, option, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
  }
}

extension Socket {
  /// The user whose process is at the other end of a unix domain socket; nil for any other socket.
  public var peerUserID: UInt32? {
    // struct ucred: a process, a user, a group; no user at all is the largest number.
    var credentials: InlineArray<3, UInt32> = [0, 0, 0]
    var length = socklen_t(MemoryLayout<InlineArray<3, UInt32>>.size)
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0,
      credentials[1] != .max
    else { return nil }
    return credentials[1]
  }

  /// Whether a process of this user, or of root, is at the other end.
  public var isPeerTrusted: Bool {
    guard let peer = peerUserID else { return false }
    return peer == geteuid() || peer == 0
  }

  /// Has the kernel acknowledge at once what has arrived, and what arrives next.
  ///
  /// It goes back to delaying by itself, for instance once something has been sent.
  func acknowledgeNow() {
    _ = enable(TCP_QUICKACK, at: Int32(IPPROTO_TCP))
  }
}
