internal import LMDB
public import QuotaModel

/// Something that still runs, and when its time to live began.
public struct TimedStart: Hashable, Sendable {
  public let thing: TimedThing
  public let startedAt: Moment
  /// The session of a call; nil for anything else.
  public let session: SessionRef?
}

extension FoldBatch {
  /// What still runs and was made by a clock that showed a later time than `moment`, the latest first,
  /// and whether that is all. The tables are asked for `limit` at most; a batch that begins by asking
  /// sees all.
  public mutating func running(
    startedAfter moment: Moment, limit: Int
  ) throws(ProjectionFailure) -> (starts: [TimedStart], areAll: Bool) {
    let stored = try storedStarts(after: moment, limit: limit)
    var holds = folder.working.storing?.starts.holds(after: moment) ?? []
    holds += folder.working.starts.take(after: moment)
    var starts = stored
    for hold in holds {
      guard let start = try start(of: hold, after: moment) else { continue }
      starts.append(start)
    }
    // In one order, wherever they were found.
    let sorted = Set(starts).sorted { $0.isBefore($1) }
    return (sorted, stored.count < limit)
  }

  private func start(
    of id: HoldID, after moment: Moment
  ) throws(ProjectionFailure) -> TimedStart? {
    guard let entry = try hold(id), entry.isOpen, entry.state.startedAt > moment else { return nil }
    return TimedStart(thing: .hold(id), startedAt: entry.state.startedAt, session: nil)
  }

  private func storedStarts(
    after moment: Moment, limit: Int
  ) throws(ProjectionFailure) -> [TimedStart] {
    var starts: [TimedStart] = []
    var cursor: Cursor
    do { cursor = try self.cursor(in: tables.starts) } catch { throw ProjectionFailure(error) }
    while starts.count < limit {
      let entry: Entry?
      do { entry = try cursor.next() } catch { throw ProjectionFailure(error) }
      guard let entry else { break }
      let start = try TimedStart(key: entry.key, row: entry.value)
      guard start.startedAt > moment else { break }
      // A hold may have ended or begun anew in memory only.
      if case .hold(let id) = start.thing {
        if let current = try self.start(of: id, after: moment) { starts.append(current) }
      } else {
        starts.append(start)
      }
    }
    return starts
  }
}

extension FoldBatch {
  mutating func begin(_ thing: TimedThing, at moment: Moment, in session: SessionRef? = nil) {
    let row = session.map { Array(copying: Key.number($0.position.rawValue).rawBytes) } ?? []
    put(row, under: Key.start(moment, thing).rawBytes, in: tables.starts)
  }

  mutating func endStart(of thing: TimedThing, at moment: Moment) {
    remove(Key.start(moment, thing).rawBytes, from: tables.starts)
  }
}

extension TimedStart {
  /// The order of the table.
  fileprivate func isBefore(_ other: TimedStart) -> Bool {
    (~startedAt.microseconds, thing.kind.rawValue, thing.number)
      < (~other.startedAt.microseconds, other.thing.kind.rawValue, other.thing.number)
  }

  fileprivate init(key: RawSpan, row: RawSpan) throws(ProjectionFailure) {
    guard key.byteCount == 17,
      let thing = TimedThing(kind: key.byte(at: 8), number: key.word(at: 9).byteSwapped),
      row.byteCount == (thing.kind == .call ? 8 : 0)
    else { throw .malformedRow(table: "starts") }
    self.thing = thing
    startedAt = Moment(
      microseconds: ~Int64(bitPattern: key.word(at: 0).byteSwapped ^ (1 << 63)))
    session = thing.kind == .call ? SessionRef(Position(row.word(at: 0).byteSwapped)) : nil
  }
}
