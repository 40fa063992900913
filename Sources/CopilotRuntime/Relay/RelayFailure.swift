public import EventLoop

/// Why a spawned process cannot do its work.
public enum RelayFailure: Error, Hashable, Sendable {
  /// The service that was started ended with this status, and said this at last.
  case serviceEnded(status: Int32, lastLine: String)
  /// There was no service in time, although one was started.
  case noService(seconds: Int, lastLine: String)
  case cannotStart(code: Int32)
  case socket(path: String, UnixSocketFailure)
  case listening(ListenFailure)
  /// Other machines could connect, and nothing would tell them from the right client.
  case openWithoutToken(host: String)
}

extension RelayFailure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .serviceEnded(let status, let line):
      "the background service ended with status \(status)" + Self.quoted(line)
    case .noService(let seconds, let line):
      "no background service answered within \(seconds) s" + Self.quoted(line)
    case .cannotStart(let code): "the background service cannot be started (errno \(code))"
    case .socket(let path, .notPermitted): "\(path) belongs to another user"
    case .socket(let path, let failure): "\(path) cannot be connected to: \(failure)"
    case .listening(let failure): "cannot listen: \(failure)"
    case .openWithoutToken(let host):
      "refusing to listen on \(host) without a token: set COPILOT_CONNECTION_TOKEN"
    }
  }

  private static func quoted(_ line: String) -> String { line.isEmpty ? "" : ": \(line)" }
}
