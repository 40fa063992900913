import Glibc

/// Why a unix domain socket could not be listened on or connected to.
public enum UnixSocketFailure: Error, Hashable, Sendable {
  /// The file's name does not fit the system's address, which holds so many bytes.
  case pathTooLong(limit: Int)
  /// Another process listens there.
  case inUse
  /// Something lies there that is no socket, and that is not ours to remove.
  case notASocket
  /// There is no socket, or one that its process has left behind.
  case nobodyListens
  /// The directory or the socket belongs to somebody else.
  case notPermitted
  case loop(EventLoopFailure)
}

extension UnixSocketFailure {
  /// Translates the `errno` that `call` has just left behind.
  init(_ call: String, code: Int32 = errno) {
    switch code {
    case EADDRINUSE: self = .inUse
    case ENOENT, ENOTDIR, ECONNREFUSED: self = .nobodyListens
    case EACCES, EPERM: self = .notPermitted
    default: self = .loop(EventLoopFailure(call, code: code))
    }
  }
}
