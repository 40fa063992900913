internal import LMDB

/// Rows of the tables beside accounts, windows, history and request ids that are written or removed, and
/// are not stored yet.
struct DirectWrites: Sendable {
  private struct Place: Hashable {
    let table: Table
    let key: [UInt8]
  }

  /// nil removes.
  private var rows: [Place: [UInt8]?] = [:]

  var count: Int { rows.count }

  mutating func put(_ row: [UInt8], under key: RawSpan, in table: Table) {
    rows[Place(table: table, key: [UInt8](copying: key))] = .some(row)
  }

  mutating func remove(_ key: RawSpan, from table: Table) {
    rows[Place(table: table, key: [UInt8](copying: key))] = .some(nil)
  }

  /// What became of a row: nil where nothing did, an empty answer where it was removed.
  func row(_ key: RawSpan, in table: Table) -> [UInt8]?? {
    rows.isEmpty ? nil : rows[Place(table: table, key: [UInt8](copying: key))]
  }

  /// The keys of the rows that are written; it costs looking at all of them.
  func keys(in table: Table) -> [[UInt8]] {
    rows.compactMap { $0.key.table == table && $0.value != nil ? $0.key.key : nil }
  }

  func store(in transaction: inout WriteTransaction) throws(LMDBError) {
    for (place, row) in rows {
      if let row {
        try transaction.put(row.rawBytes, under: place.key.rawBytes, in: place.table)
      } else {
        try transaction.remove(place.key.rawBytes, from: place.table)
      }
    }
  }

  mutating func removeAll() { rows.removeAll(keepingCapacity: true) }
}
