public import EventLoop

/// Why the server could not be started.
public enum HTTPServerFailure: Error, Hashable, Sendable {
  /// Another process listens there; choose another port or stop the other.
  case addressInUse
  /// The process may not take that port.
  case notPermitted
  /// The host is no address and no known name.
  case badHost
  /// The host names an address that this machine does not have.
  case addressNotHere
  case loop(EventLoopFailure)
}

extension HTTPServerFailure {
  init(_ failure: ListenFailure) {
    self =
      switch failure {
      case .addressInUse: .addressInUse
      case .notPermitted: .notPermitted
      case .badHost: .badHost
      case .addressNotHere: .addressNotHere
      case .loop(let failure): .loop(failure)
      }
  }
}
