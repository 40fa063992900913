/// What a connection tells the runtime, always on the loop's thread, and never from within a call of
/// the runtime to the connection.
public protocol RPCConnectionDelegate: AnyObject {
  /// Whether what was written may leave now; whoever says no has closed the connection.
  ///
  /// The only call from within one of the runtime's own.
  func connectionMayBeTold(_ connection: RPCConnection) -> Bool
  /// To be answered exactly once, now or later.
  func connection(_ connection: RPCConnection, received request: RPCRequest)
  func connection(_ connection: RPCConnection, received notification: RPCCall)
  /// The client waits no longer for this request, which has been answered: what only waited may stop.
  func connection(_ connection: RPCConnection, cancelled request: RPCRequest.Key)
  /// The client will send nothing more, and so answer nothing more; it may have gone altogether.
  ///
  /// What is under way may still be answered. Nobody should be waited for on this connection.
  func connectionInputEnded(_ connection: RPCConnection)
  /// There is nothing more to come or to send; the last call for this connection.
  func connection(_ connection: RPCConnection, closedBecause reason: RPCClosing)
}

/// Why a connection is closed.
public enum RPCClosing: Hashable, Sendable {
  /// The client ended its side, and what was under way has been answered.
  case clientLeft
  /// We ended it.
  case finished
  /// What came cannot be read as frames.
  case badFraming(FrameFault)
  /// More output waited than is allowed, because the client did not read.
  case clientTooSlow
  /// The network failed, or the client closed without regard to what was under way.
  case lost
}

/// A request of the client, to be answered through its connection.
public struct RPCRequest: Sendable {
  /// Names a request for as long as its connection lives, also where a client uses an id twice.
  public struct Key: Hashable, Sendable {
    let number: UInt64
    public let id: RPCID
  }

  public let key: Key
  public let call: RPCCall

  public var method: String { call.method }
}
