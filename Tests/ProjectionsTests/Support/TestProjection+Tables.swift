import LMDB
import Projections
import TestSupport

extension TestProjection {
  /// Changes a table of the closed generation behind its back, and opens it again.
  func changingTables<Result>(
    _ table: String,
    _ body: ([(key: [UInt8], value: [UInt8])], inout WriteTransaction, Table) throws -> Result
  ) throws -> Result {
    var result: Result?
    try reopen {
      let environment = try Environment(
        path: directory.path, options: .init(durability: .unsynced, tables: [table]))
      let table = try environment.table(table)
      var transaction = try environment.beginWrite()
      result = try body(Self.entries(of: table, in: transaction), &transaction, table)
      try transaction.commit()
    }
    guard let result else { preconditionFailure("nothing was changed") }
    return result
  }

  private static func entries(
    of table: Table, in transaction: borrowing WriteTransaction
  ) throws(LMDBError) -> [(key: [UInt8], value: [UInt8])] {
    var cursor = try transaction.cursor(in: table)
    var entries: [(key: [UInt8], value: [UInt8])] = []
    while let entry = try cursor.next() {
      entries.append(([UInt8](copying: entry.key), [UInt8](copying: entry.value)))
    }
    return entries
  }
}
