/// Names one answer whose body is sent piece by piece.
///
/// A handle outlives its stream and its connection harmlessly, as a ``ReplyHandle`` does.
public struct StreamHandle: Sendable, Hashable {
  let reply: ReplyHandle

  init(_ reply: ReplyHandle) {
    self.reply = reply
  }

  /// A handle that names no stream of any server: for testing a handler without a socket.
  public init(sequence: UInt64) {
    reply = ReplyHandle(sequence: sequence)
  }
}

/// Why a stream has ended without its handler.
public enum StreamClosure: Sendable, Hashable {
  /// The client has gone, or an earlier answer was the connection's last.
  case connectionGone
  /// More would have waited for the client than may, or it has taken too little for too long.
  case clientTooSlow
  /// The server drains; the client got all that was written and a proper end.
  case draining
}
