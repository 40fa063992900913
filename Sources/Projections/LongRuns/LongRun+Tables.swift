internal import LMDB
internal import QuotaModel

extension LongRun {
  /// What one transaction writes at most: LMDB keeps its pages in memory.
  private static let bytesPerTransaction = 8 << 20

  /// Appends request ids that follow the clock to their table; false where they do not.
  ///
  /// A few always come late: their places are searched.
  func storeRequests(of rows: borrowing GatheredRows) throws(ProjectionFailure) -> Bool {
    guard rows.requestCount > 0 else { return true }
    guard rows.followsClock else { return false }
    return try environment.write { (transaction) throws(LMDBError) in
      let last = try transaction.lastKey(of: tables.requests)
      let lateCount = last.map { rows.requestCount(upTo: $0) } ?? 0
      guard lateCount <= rows.requestCount / 8 else { return false }
      try transaction.putInOrder(in: tables.requests) { (table) throws(LMDBError) in
        try rows.forEachRequest(at: 0..<lateCount) { (key, value) throws(LMDBError) in
          try table.put(value, under: key)
        }
        try rows.forEachRequest(at: lateCount..<rows.requestCount) {
          (key, value) throws(LMDBError) in try table.append(value, under: key)
        }
      }
      return true
    }
  }

  /// Brings the rows that the runs have of a table into it.
  func fill(_ table: RunTable, from runs: [RunName]) throws(ProjectionFailure) {
    var rows = try merged(runs, table)
    while !rows.isAtEnd {
      var transaction = try environment.beginWrite()
      try put(&rows, in: table == .history ? tables.history : tables.requests, &transaction)
      do { try transaction.commit() } catch { throw ProjectionFailure(error, path: directory) }
    }
  }

  /// Writes rows until the transaction is large enough.
  private func put(
    _ rows: inout RunMerge, in table: Table, _ transaction: inout WriteTransaction
  ) throws(ProjectionFailure) {
    // Rows of before are there where request ids followed the clock at first, and where a process
    // was killed while it did this.
    let last: [UInt8]?
    do {
      last = try transaction.lastKey(of: table)
    } catch {
      throw ProjectionFailure(error, path: directory)
    }
    try transaction.putInOrder(in: table) { (table) throws(ProjectionFailure) in
      var byteCount = 0
      var isBehind = last == nil
      while !rows.isAtEnd, byteCount < Self.bytesPerTransaction {
        try rows.withRow { (key, value) throws(ProjectionFailure) in
          isBehind = isBehind || last?.rawBytes.precedes(key) == true
          do throws(LMDBError) {
            if isBehind {
              try table.append(value, under: key)
            } else {
              // Of a request id that came twice the table may have got the later one before this.
              try table.put(value, under: key) {
                $0.byteCount == value.byteCount && $0.word(at: 0) > value.word(at: 0)
              }
            }
          } catch {
            throw ProjectionFailure(error, path: directory)
          }
          byteCount += key.byteCount + value.byteCount
        }
        try rows.advance()
      }
    }
  }
}
