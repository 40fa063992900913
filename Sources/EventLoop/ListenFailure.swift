import Glibc

/// Why a listener could not be opened.
public enum ListenFailure: Error, Hashable, Sendable {
  /// Another socket listens there; choose another port or stop the other.
  case addressInUse
  /// The process may not take that port.
  case notPermitted
  /// The host is no address and no known name.
  case badHost
  /// The host names an address that this machine does not have.
  case addressNotHere
  case loop(EventLoopFailure)
}

extension ListenFailure {
  /// Translates the `errno` that `call` has just left behind.
  init(_ call: String, code: Int32 = errno) {
    switch code {
    case EADDRINUSE: self = .addressInUse
    case EACCES, EPERM: self = .notPermitted
    case EADDRNOTAVAIL, EAFNOSUPPORT: self = .addressNotHere
    default: self = .loop(EventLoopFailure(call, code: code))
    }
  }
}
