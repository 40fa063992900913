/// How much one connection may ask for before it is held up or closed.
public struct RPCLimits: Sendable {
  /// The longest body of a frame that is read; at least 16 MiB by the contract.
  public var maximumBodyBytes = FrameReader.defaultMaximumBodyBytes
  /// Output that waits for the client beyond this stops reading, until half of it is gone.
  public var heldBackOutputBytes = 1 << 20
  /// Output that waits for the client beyond this ends the connection.
  ///
  /// Events come without being asked for, so holding back reading does not bound them.
  public var maximumOutputBytes = 64 << 20
  /// Requests that wait for an answer beyond these are refused.
  ///
  /// Not held up: what they wait for may be among what follows.
  public var maximumOpenRequests = 10_000

  public init() {}
}
