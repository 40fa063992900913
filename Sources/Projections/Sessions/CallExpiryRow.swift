internal import LMDB
internal import QuotaModel

/// What is kept of a call under way beside its deadline.
///
///     offset  bytes
///          0      8  the session, big-endian
///          8      8  when its time to live began, big-endian
struct CallExpiryRow {
  let session: SessionRef
  let startedAt: Moment

  init(session: SessionRef, startedAt: Moment) {
    self.session = session
    self.startedAt = startedAt
  }

  init(_ row: RawSpan) throws(ProjectionFailure) {
    guard row.byteCount == 16 else { throw .malformedRow(table: "call_expiries") }
    session = SessionRef(Position(row.word(at: 0).byteSwapped))
    startedAt = Moment(microseconds: Int64(bitPattern: row.word(at: 8).byteSwapped))
  }

  var bytes: [UInt8] {
    let start = UInt64(bitPattern: startedAt.microseconds)
    return Array(copying: Key.pair(session.position.rawValue, start).rawBytes)
  }
}
