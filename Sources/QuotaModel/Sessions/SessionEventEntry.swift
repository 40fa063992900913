/// One event of a session, and how much of what clients keep came before it.
public struct SessionEventEntry: Hashable, Sendable {
  public let position: Position
  /// The last event before it that clients keep; nil for the first.
  public let parent: SessionEventPlace?
  /// How many such events came before it.
  public let earlierCount: UInt64

  public init(position: Position, parent: SessionEventPlace?, earlierCount: UInt64) {
    self.position = position
    self.parent = parent
    self.earlierCount = earlierCount
  }
}
