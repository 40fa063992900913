internal import LMDB
internal import QuotaModel

/// The two tables that may have users by their names: one serves, and the other is empty but for the time in
/// which it takes its place.
///
/// What is so is a row of the same file, and changes in the same commit as the tables. It lies among the texts,
/// under a session that cannot be. Where there is none, `users` serves, as it does whenever nothing is under way.
struct UserTables {
  enum Work: UInt8 {
    case none
    /// The other table gets what the serving one has. Whoever changes one changes both.
    case copying
    /// The other table is emptied.
    case clearing
  }

  static let successorName = "users-new"
  /// Rows that one transaction changes at most while the tables are written anew: a registration waits for it.
  static let rowLimit = 1024

  /// Whether it is the successor that serves.
  var isSuccessorServing = false
  var work = Work.none

  /// Has the other table serve, which has everything by now.
  fileprivate mutating func serveFromCopy() {
    isSuccessorServing.toggle()
    work = .clearing
  }

  fileprivate static let key = NameStore.key(NameAccount.session, Position(1), 0)
  fileprivate var bytes: [UInt8] { [isSuccessorServing ? 1 : 0, work.rawValue] }

  /// What the row says; nil where there is none.
  fileprivate init(_ row: RawSpan?) throws(LMDBError) {
    guard let row else { return }
    guard row.byteCount == 2, let work = Work(rawValue: row.byte(at: 1)) else { throw .corrupted }
    isSuccessorServing = row.byte(at: 0) == 1
    self.work = work
  }
}

extension OpenNames {
  /// The tables that somebody who gives or takes a name has to change.
  struct WritableUsers {
    let serving: Table
    /// The serving one, and the other one while it is being filled.
    let all: [Table]
  }

  /// The table that has users by their names.
  func users(in transaction: borrowing ReadTransaction) throws(LMDBError) -> Table {
    let key = UserTables.key
    let row = try transaction.get(key.rawBytes, in: texts)
    return try UserTables(row).isSuccessorServing ? successor() : users
  }

  func writableUsers(
    in transaction: borrowing WriteTransaction
  ) throws(LMDBError) -> WritableUsers {
    let tables = try userTables(in: transaction)
    guard tables.isSuccessorServing || tables.work == .copying else {
      return WritableUsers(serving: users, all: [users])
    }
    let successor = try successor()
    let serving = tables.isSuccessorServing ? successor : users
    return WritableUsers(
      serving: serving, all: tables.work == .copying ? [users, successor] : [serving])
  }

  fileprivate func userTables(
    in transaction: borrowing WriteTransaction
  ) throws(LMDBError) -> UserTables {
    let key = UserTables.key
    return try UserTables(try transaction.get(key.rawBytes, in: texts))
  }

  fileprivate func successor() throws(LMDBError) -> Table {
    try environment.table(UserTables.successorName)
  }
}

/// Writes the table of users anew, so that its branches have no key that is not there: LMDB keeps in a branch the
/// key with which a page once began.
///
/// Each step is a transaction that changes few rows, however many users there are. The table is copied to its
/// successor, which serves while the table is emptied, and copied back in the same way. What a process leaves
/// that is killed in between is right as it is, and is gone on with, or begun again, by the next one.
struct UserTableRewrite {
  private let open: OpenNames
  private let rowLimit: Int
  private var isWanted: Bool
  /// The last row that was copied, empty before the first; nil where an earlier one had begun to copy.
  private var latestCopied: [UInt8]?

  init(of open: OpenNames, isWanted: Bool, rowLimit: Int = UserTables.rowLimit) {
    self.open = open
    self.isWanted = isWanted
    self.rowLimit = rowLimit
  }

  /// Carries out one transaction; false where there is nothing left to do.
  mutating func step() throws(LMDBError) -> Bool {
    var transaction = try open.environment.beginWrite()
    var tables = try open.userTables(in: transaction)
    switch tables.work {
    case .none:
      guard isWanted || tables.isSuccessorServing else { return false }
      isWanted = false
      latestCopied = []
      tables.work = .copying
      if try !copySome(tables, &transaction) { tables.serveFromCopy() }
    case .copying where latestCopied == nil:
      tables.work = .clearing
    case .copying:
      if try !copySome(tables, &transaction) { tables.serveFromCopy() }
    case .clearing:
      if try !clearSome(tables, &transaction) { tables.work = .none }
    }
    let (key, row) = (UserTables.key, tables.bytes)
    try transaction.put(row.rawBytes, under: key.rawBytes, in: open.texts)
    try transaction.commit()
    return true
  }

  /// Copies some rows of the serving table; false where there are no more.
  private mutating func copySome(
    _ tables: UserTables, _ transaction: inout WriteTransaction
  ) throws(LMDBError) -> Bool {
    let (serving, other) = try pair(tables)
    let rows = try rows(of: serving, behind: latestCopied ?? [], transaction)
    try transaction.putInOrder(in: other) { (table) throws(LMDBError) in
      for (name, user) in rows { try table.putAscending(user.rawBytes, under: name.rawBytes) }
    }
    if let last = rows.last { latestCopied = last.key }
    return rows.count == rowLimit
  }

  /// Removes some rows of the table that does not serve; false where it has no more.
  private func clearSome(
    _ tables: UserTables, _ transaction: inout WriteTransaction
  ) throws(LMDBError) -> Bool {
    let other = try pair(tables).other
    let rows = try rows(of: other, behind: [], transaction)
    for row in rows { try transaction.remove(row.key.rawBytes, from: other) }
    return rows.count == rowLimit
  }

  private func pair(_ tables: UserTables) throws(LMDBError) -> (serving: Table, other: Table) {
    let successor = try open.successor()
    return tables.isSuccessorServing ? (successor, open.users) : (open.users, successor)
  }

  /// Rows behind a key, no more than one transaction may change.
  private func rows(
    of table: Table, behind last: [UInt8], _ transaction: borrowing WriteTransaction
  ) throws(LMDBError) -> [(key: [UInt8], value: [UInt8])] {
    var cursor = try transaction.cursor(in: table)
    var rows: [(key: [UInt8], value: [UInt8])] = []
    var entry = last.isEmpty ? try cursor.first() : try cursor.seek(last.rawBytes)
    while let row = entry, rows.count < rowLimit {
      let key = [UInt8](copying: row.key)
      if key != last { rows.append((key, [UInt8](copying: row.value))) }
      entry = try cursor.next()
    }
    return rows
  }
}
