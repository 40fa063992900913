internal import LMDB
internal import QuotaModel

/// The first row that two tables of one name do not share.
struct RowDifference {
  let table: FoldedTable
  let key: [UInt8]
  /// nil: the row is not there.
  let left: [UInt8]?
  let right: [UInt8]?

  /// Walks through both tables side by side, in the order of the keys.
  ///
  /// `end`: rows of events behind it do not count, because those are not folded in yet. What is stored is
  /// stored in two steps, history and request ids before what is true for a position (see `StoreJob`).
  /// Beside whoever writes, and after it was killed, the first step may be ahead.
  init?(
    firstOf table: FoldedTable, _ left: borrowing Snapshot, _ right: borrowing Snapshot,
    upTo end: Position?
  ) throws(ProjectionFailure) {
    do throws(LMDBError) {
      var mine = try left.transaction.cursor(in: table.table(of: left.tables))
      var theirs = try right.transaction.cursor(in: table.table(of: right.tables))
      let end = table == .history || table == .requests ? end : nil
      while true {
        let (one, other) = (try mine.next(upTo: end), try theirs.next(upTo: end))
        if let one, let other, one.key.equals(other.key), one.value.equals(other.value) { continue }
        guard one != nil || other != nil else { return nil }
        self.init(table, one, other)
        return
      }
    } catch {
      throw ProjectionFailure(error)
    }
  }

  private init(_ table: FoldedTable, _ mine: Entry?, _ theirs: Entry?) {
    let left: (key: [UInt8], value: [UInt8])? =
      if let mine { (Array(copying: mine.key), Array(copying: mine.value)) } else { nil }
    let right: (key: [UInt8], value: [UInt8])? =
      if let theirs { (Array(copying: theirs.key), Array(copying: theirs.value)) } else { nil }
    let key = [left, right].compactMap { $0?.key }.min { $0.lexicographicallyPrecedes($1) } ?? []
    (self.table, self.key) = (table, key)
    self.left = left?.key == key ? left?.value : nil
    self.right = right?.key == key ? right?.value : nil
  }
}

extension Cursor {
  @_lifetime(copy self)
  fileprivate mutating func next(upTo end: Position?) throws(LMDBError) -> Entry? {
    while let entry = try next() {
      let count = entry.value.byteCount
      guard let end, count >= 8, entry.value.word(at: count - 8) > end.rawValue else {
        return entry
      }
    }
    return nil
  }
}
