internal import LMDB
internal import QuotaModel

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
