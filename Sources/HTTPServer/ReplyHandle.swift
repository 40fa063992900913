/// Names one request that waits for its answer.
///
/// A handle outlives its connection harmlessly: the generation tells a later connection in the same
/// slot from the one that asked.
public struct ReplyHandle: Sendable, Hashable {
  let connection: ConnectionID
  let sequence: UInt64
}

/// A place in the connection table and how often it has been given out.
struct ConnectionID: Sendable, Hashable {
  let slot: Int
  let generation: UInt64
}
