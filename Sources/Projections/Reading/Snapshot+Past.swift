internal import LMDB
public import QuotaModel

/// An account as it was after one of its events.
public struct PastAccount: Sendable {
  public let position: Position
  public let account: Account
  /// What the months before its latest one held in that year, where they were kept.
  public let months: [WindowUsage]
  public let allowances: Allowances
}

extension Snapshot {
  /// The latest kept state of an account, at `position` or before, that fits; nil where there is none.
  public func pastAccount(
    of entry: AccountEntry, at position: Position, where fits: (PastAccount) -> Bool
  ) throws(ProjectionFailure) -> PastAccount? {
    var result: PastAccount?
    try forEachBackwards(
      in: tables.snapshots, from: Key.history(entry.number, from: position.rawValue).rawBytes
    ) { (key, row) throws(ProjectionFailure) in
      guard key.byteCount == 12, key.halfWord(at: 0).byteSwapped == entry.number.rawValue else {
        return false
      }
      let state = try SnapshotRow.state(of: entry.account.user, from: row)
      let account = PastAccount(
        position: Position(key.word(at: 4).byteSwapped), account: state.account,
        months: state.months, allowances: state.allowances)
      if fits(account) { result = account }
      return result == nil
    }
    return result
  }

  /// What held for everybody at a position.
  public func pastSystem(at position: Position) throws(ProjectionFailure) -> SystemState {
    var system = SystemState()
    try forEachBackwards(
      in: tables.systemEvents, from: Key.number(position.rawValue).rawBytes
    ) { (_, row) throws(ProjectionFailure) in
      system = try SystemRow.system(from: row)
      return false
    }
    return system
  }

  /// Where parts of a hold were settled, in order.
  public func draws(of hold: HoldID) throws(ProjectionFailure) -> [Position] {
    var positions: [Position] = []
    try forEach(in: tables.holdDraws, from: Key.pair(hold.position.rawValue, 0).rawBytes) {
      (key, _) throws(ProjectionFailure) in
      guard key.byteCount == 16, key.word(at: 0).byteSwapped == hold.position.rawValue else {
        return false
      }
      positions.append(Position(key.word(at: 8).byteSwapped))
      return true
    }
    return positions
  }

  /// The latest session that was begun under an id by `position`, whatever became of it.
  public func pastSession(
    _ id: SessionID, at position: Position
  ) throws(ProjectionFailure) -> SessionRef? {
    var found: SessionRef?
    let key = Key.named(id, SessionRef(position))
    let prefix = key.dropLast(8)
    try forEachBackwards(in: tables.sessionNames, from: key.rawBytes) {
      (key, _) throws(ProjectionFailure) in
      let bytes = Array(copying: key)
      guard bytes.count == prefix.count + 8, bytes.starts(with: prefix) else { return false }
      found = SessionRef(Position(key.word(at: key.byteCount - 8).byteSwapped))
      return false
    }
    return found
  }

  /// Shows entries from `key` on towards the first one, until `body` answers false.
  private func forEachBackwards(
    in table: Table, from key: RawSpan,
    _ body: (RawSpan, RawSpan) throws(ProjectionFailure) -> Bool
  ) throws(ProjectionFailure) {
    var cursor: Cursor
    do { cursor = try transaction.cursor(in: table) } catch { throw ProjectionFailure(error) }
    var entry: Entry?
    do { entry = try cursor.entry(atOrBefore: key) } catch { throw ProjectionFailure(error) }
    while let found = entry, try body(found.key, found.value) {
      do { entry = try cursor.previous() } catch { throw ProjectionFailure(error) }
    }
  }
}

extension Cursor {
  /// The entry under `key`, or the last one before it.
  @_lifetime(copy self)
  fileprivate mutating func entry(atOrBefore key: RawSpan) throws(LMDBError) -> Entry? {
    guard let found = try seek(key) else { return try last() }
    return found.key.equals(key) ? found : try previous()
  }
}
