internal import Glibc
internal import LMDB
internal import QuotaModel

extension Store {
  /// Whether the file of names still has bytes of users who were erased.
  public func hasRemains() throws(StoreFailure) -> Bool { try !names.remains().isEmpty }
}

/// LMDB gives up the pages of what is removed and leaves the bytes where they were: after somebody was
/// erased they are overwritten. `NameStore.erase` leaves a mark for that, which outlives a crash.
extension NameStore {
  /// Between two transactions, for whoever waits to write.
  private static let pauseMicroseconds: UInt32 = 500

  /// Overwrites what erased users left behind in the file; false where `mayGoOn` said no before the
  /// end. May run beside everything else, on any thread.
  func overwriteRemains(while mayGoOn: () -> Bool) throws(StoreFailure) -> Bool {
    let marks = try remains()
    guard !marks.isEmpty else { return true }
    do throws(LMDBError) {
      let open = open()
      try removeNamesOfNobody(in: open)
      guard try rewriteUsers(in: open, while: mayGoOn) else { return false }
      // LMDB keeps pages in memory that it has written, and takes them for new ones.
      while try !reopen() {
        if !mayGoOn() { return false }
        usleep(1000)
      }
      let isDone = try open.environment.overwriteRemains(
        touch: { () throws(LMDBError) in try touch(marks, in: open) }, mayGoOn: mayGoOn)
      if isDone { try forget(marks, in: open) }
      return isDone
    } catch {
      throw Self.failure(error, path)
    }
  }

  func remains() throws(StoreFailure) -> [Position] {
    var found: [Position] = []
    for position in try markedPositions() {
      let mark = try text(of: Self.marks, at: position).flatMap { Mark($0, at: position) }
      if case .remains = mark { found.append(position) }
    }
    return found
  }

  /// A crash may have left a name with somebody who was never registered, before it was somebody's
  /// who is erased now.
  private func removeNamesOfNobody(in open: OpenNames) throws(LMDBError) {
    var nobody = try namesOfNobody(in: open)[...]
    while !nobody.isEmpty {
      let slice = nobody.prefix(UserTables.rowLimit)
      nobody = nobody.dropFirst(slice.count)
      var transaction = try open.environment.beginWrite()
      for user in slice { try transaction.remove(user.rawBytes, from: open.names) }
      try NameAccount.noteErased(slice.count, in: open, &transaction)
      try transaction.commit()
      usleep(Self.pauseMicroseconds)
    }
  }

  private func namesOfNobody(in open: OpenNames) throws(LMDBError) -> [[UInt8]] {
    let transaction = try open.environment.beginRead()
    let users = try open.users(in: transaction)
    var cursor = try transaction.cursor(in: open.names)
    var nobody: [[UInt8]] = []
    var entry = try cursor.first()
    while let row = entry {
      let user = [UInt8](copying: row.key)
      if let carrier = try transaction.get(row.value, in: users) {
        if [UInt8](copying: carrier) != user { nobody.append(user) }
      } else {
        nobody.append(user)
      }
      entry = try cursor.next()
    }
    return nobody
  }

  /// The branches of the table that serves; where that is not the one that it should be, it is written anew
  /// anyway.
  private func hasRemovedNameInBranch(_ open: OpenNames) throws(LMDBError) -> Bool {
    let keys = try open.environment.branchKeys(of: "users")
    let transaction = try open.environment.beginRead()
    for key in keys where try transaction.get(key.rawBytes, in: open.users) == nil { return true }
    return false
  }

  /// Has the table of users written anew where its branches have keys that are not there, and goes on with
  /// that where it was interrupted; false where `mayGoOn` said no before the end.
  private func rewriteUsers(
    in open: OpenNames, while mayGoOn: () -> Bool
  ) throws(LMDBError) -> Bool {
    var rewrite = UserTableRewrite(of: open, isWanted: try hasRemovedNameInBranch(open))
    while try rewrite.step() {
      if !mayGoOn() { return false }
      // LMDB's lock knows no order: whoever waits for it would not get it between two steps.
      usleep(Self.pauseMicroseconds)
    }
    return true
  }

  /// A commit that changes nothing.
  private func touch(_ marks: [Position], in open: OpenNames) throws(LMDBError) {
    var transaction = try open.environment.beginWrite()
    try Self.put(Self.mark(ofRemainsAt: marks[0]), in: open.texts, &transaction)
    try transaction.commit()
  }

  private func forget(_ marks: [Position], in open: OpenNames) throws(LMDBError) {
    var transaction = try open.environment.beginWrite()
    for mark in marks {
      try transaction.remove(Self.key(Self.marks, mark, 0).rawBytes, from: open.texts)
    }
    try transaction.commit()
  }
}
