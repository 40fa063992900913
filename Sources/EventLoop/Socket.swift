import Glibc

/// An open socket; closed when its owner lets go of it.
public struct Socket: ~Copyable {
  let descriptor: Int32

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Has the coming close reset the connection and drop what the peer has not taken.
  func resetOnClose() {
    var option = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout<linger>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
  }

  /// Switches a yes-or-no option on.
  func enable(_ option: Int32, at level: Int32) -> Bool {
    var yes: Int32 = 1
    return unsafe setsockopt(
      descriptor, level, option, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
  }
}
