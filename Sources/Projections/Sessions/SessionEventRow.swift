internal import LMDB
public import QuotaModel

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

/// The stored form of a session's event, under session and position.
enum SessionEventRow {
  static func bytes(of entry: SessionEventEntry) -> [UInt8] {
    var row: [UInt8] = []
    row.appendInteger(entry.parent?.number ?? 0)
    row.appendInteger(entry.earlierCount)
    return row
  }

  static func entry(
    at position: Position, from row: RawSpan
  ) throws(ProjectionFailure) -> SessionEventEntry {
    guard row.byteCount == 16 else { throw .malformedRow(table: "session_events") }
    let parent = row.word(at: 0)
    return SessionEventEntry(
      position: position, parent: parent == 0 ? nil : SessionEventPlace(number: parent),
      earlierCount: row.word(at: 8))
  }
}
