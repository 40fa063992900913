/// How much one connection may ask for before it is held up or closed.
public struct RPCLimits: Sendable {
  /// The longest body of a frame that is read; at least 16 MiB by the contract.
  public var maximumBodyBytes = FrameReader.defaultMaximumBodyBytes
  /// The same for a client that has not shown yet who it is.
  public var maximumStrangerBodyBytes = 64 << 10
  /// Bodies up to here are read at once; longer ones take milliseconds, and are read apart.
  public var smallBodyBytes = 64 << 10
  /// Clients over TCP at the same time. Never more than a quarter of the files that may be open.
  public var connections = 4_000
  /// Clients over TCP of one user at the same time.
  public var connectionsPerUser = 256
  /// Clients over TCP that have not shown yet who they are; beyond these the oldest has to go, of the
  /// address that has most of them.
  public var strangers = 256
  /// How long a client over TCP may take to show who it is.
  public var connectSeconds = 10
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
  /// Sessions of which news wait to be told; beyond these the latest stand for the others of their owner.
  public var waitingNews = 1_024

  public init() {}
}
