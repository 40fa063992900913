internal import LMDB
internal import QuotaModel

/// What a key says of a table that is ordered by deadlines: when, and the event that set it.
struct DeadlineKey {
  private static let byteCount = 16
  let deadline: Moment
  let position: Position

  init(_ key: RawSpan, of table: StaticString) throws(ProjectionFailure) {
    guard key.byteCount == Self.byteCount else {
      throw .malformedRow(table: table.description)
    }
    deadline = Moment(
      microseconds: Int64(bitPattern: key.word(at: 0).byteSwapped ^ (1 << 63)))
    position = Position(key.word(at: 8).byteSwapped)
  }
}

/// A table that is ordered by deadlines.
struct DeadlineTable {
  let table: Table
  let name: StaticString
}

extension Tables {
  var holdDeadlines: DeadlineTable { DeadlineTable(table: expiries, name: "hold_expiries") }
  var callDeadlines: DeadlineTable { DeadlineTable(table: callExpiries, name: "call_expiries") }
  var changeDeadlines: DeadlineTable { DeadlineTable(table: schedules, name: "schedules") }
}

extension FoldBatch {
  /// Shows entries in the order of their deadlines, up to `moment`, until `body` answers false; as the
  /// tables have them, which is all that a batch sees as it begins.
  func forEachDue(
    in deadlines: DeadlineTable, at moment: Moment,
    _ body: (DeadlineKey, RawSpan) throws(ProjectionFailure) -> Bool
  ) throws(ProjectionFailure) {
    var cursor: Cursor
    do { cursor = try self.cursor(in: deadlines.table) } catch { throw ProjectionFailure(error) }
    while true {
      let entry: Entry?
      do { entry = try cursor.next() } catch { throw ProjectionFailure(error) }
      guard let entry else { return }
      let key = try DeadlineKey(entry.key, of: deadlines.name)
      guard key.deadline <= moment, try body(key, entry.value) else { return }
    }
  }
}
