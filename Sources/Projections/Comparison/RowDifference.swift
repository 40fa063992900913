internal import LMDB
internal import QuotaModel

/// The first row that two tables of one name do not share.
struct RowDifference {
  let key: [UInt8]
  /// nil: the row is not there.
  let left: [UInt8]?
  let right: [UInt8]?
}

/// Which rows of a table do not count, because they belong to events that are not folded in yet.
///
/// What is stored is stored in two steps, history and request ids before what is true for a position
/// (see `StoreJob`). Beside whoever writes, and after it was killed, the first step may be ahead.
struct LeftoverRule {
  /// The position that is compared at; nil where nothing may be ahead.
  let position: Position?

  func skips(_ value: RawSpan, of table: FoldedTable) -> Bool {
    guard let position, value.byteCount >= 8 else { return false }
    switch table {
    case .requests, .history: return value.word(at: value.byteCount - 8) > position.rawValue
    case .accounts, .windows, .told, .snapshots, .holdDraws, .systemEvents, .sessionNames, .tokens,
      .tokenIDs, .holds, .holdExpiries, .holdOwners, .allowances,
      .schedules, .scheduleIDs, .corrections, .sessions, .sessionIDs, .sessionOwners,
      .livingSessions,
      .sessionEvents, .sessionKeys, .callExpiries, .starts, .budgets:
      return false
    }
  }
}

extension RowDifference {
  /// Walks through both tables side by side, in the order of the keys.
  static func first(
    of table: FoldedTable, _ rule: LeftoverRule, _ left: borrowing Snapshot,
    _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> RowDifference? {
    do throws(LMDBError) {
      return try first(
        left.transaction.cursor(in: table.table(of: left.tables)),
        right.transaction.cursor(in: table.table(of: right.tables))
      ) { rule.skips($0, of: table) }
    } catch {
      throw ProjectionFailure(error)
    }
  }

  private static func first(
    _ left: consuming Cursor, _ right: consuming Cursor, skipping skips: (RawSpan) -> Bool
  ) throws(LMDBError) -> RowDifference? {
    while true {
      let mine = try left.next(skipping: skips)
      let theirs = try right.next(skipping: skips)
      guard let mine else {
        guard let theirs else { return nil }
        return RowDifference(
          key: [UInt8](copying: theirs.key), left: nil, right: [UInt8](copying: theirs.value))
      }
      guard let theirs else {
        return RowDifference(
          key: [UInt8](copying: mine.key), left: [UInt8](copying: mine.value), right: nil)
      }
      if equal(mine.key, theirs.key), equal(mine.value, theirs.value) { continue }
      return RowDifference(mine, theirs)
    }
  }

  private init(_ mine: Entry, _ theirs: Entry) {
    let left = [UInt8](copying: mine.key)
    let right = [UInt8](copying: theirs.key)
    let isLeftLess = left.lexicographicallyPrecedes(right)
    key = isLeftLess ? left : right
    self.left = isLeftLess || left == right ? [UInt8](copying: mine.value) : nil
    self.right = isLeftLess ? nil : [UInt8](copying: theirs.value)
  }

  private static func equal(_ left: RawSpan, _ right: RawSpan) -> Bool {
    unsafe left.withUnsafeBytes { left in
      unsafe right.withUnsafeBytes { right in unsafe left.elementsEqual(right) }
    }
  }
}

extension Cursor {
  @_lifetime(copy self)
  fileprivate mutating func next(skipping skips: (RawSpan) -> Bool) throws(LMDBError) -> Entry? {
    while true {
      guard let entry = try next() else { return nil }
      if !skips(entry.value) { return entry }
    }
  }
}
