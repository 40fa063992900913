/// Names one request that waits for its answer.
///
/// A handle outlives its connection harmlessly: the generation tells a later connection in the same
/// slot from the one that asked.
public struct ReplyHandle: Sendable, Hashable {
  let connection: ConnectionID
  let sequence: UInt64

  init(connection: ConnectionID, sequence: UInt64) {
    self.connection = connection
    self.sequence = sequence
  }

  /// A handle that names no request of any server: for testing a handler without a socket.
  public init(sequence: UInt64) {
    self.init(connection: ConnectionID(slot: -1, generation: 0), sequence: sequence)
  }
}

/// A place in the connection table and how often it has been given out.
struct ConnectionID: Sendable, Hashable {
  let slot: Int
  let generation: UInt64
}
