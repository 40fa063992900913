internal import LMDB
internal import QuotaModel

/// Holds that changed since the tables were written. Most come and go in between: of those only how they
/// ended is ever written.
struct PendingHolds: Sendable {
  struct Change: Sendable {
    var entry: HoldEntry
    /// The account number of the user.
    let owner: AccountNumber
    /// The deadline that the tables have of it; nil where it is not open there.
    let storedDeadline: Moment?
  }

  private var changes: [HoldID: Change] = [:]

  /// `capacity` holds find room without moving the others.
  init(capacity: Int = 0) { changes.reserveCapacity(capacity) }

  var count: Int { changes.count }

  subscript(id: HoldID) -> HoldEntry? { changes[id]?.entry }

  /// Notes what became of a hold that has changed before; false for any other.
  mutating func update(_ entry: HoldEntry, as id: HoldID) -> Bool {
    guard let place = changes.index(forKey: id) else { return false }
    changes.values[place].entry = entry
    return true
  }

  /// Notes the first change of a hold; `stored` is what the tables have, or get before this.
  mutating func insert(
    _ entry: HoldEntry, as id: HoldID, of owner: AccountNumber, stored: HoldEntry?
  ) {
    let deadline = stored.flatMap { $0.isOpen ? $0.hold.expiresAt : nil }
    changes[id] = Change(entry: entry, owner: owner, storedDeadline: deadline)
  }

  func store(in transaction: inout WriteTransaction, _ tables: Tables) throws(LMDBError) {
    for (id, change) in changes.sorted(by: { $0.key < $1.key }) {
      let key = Key.number(id.position.rawValue)
      try transaction.put(
        HoldRow.bytes(of: change.entry).rawBytes, under: key.rawBytes, in: tables.holds)
      try change.storeOrder(of: id, in: &transaction, tables)
    }
  }
}

extension PendingHolds.Change {
  /// Writes the entries by deadline and by user, which open holds have and others do not.
  fileprivate func storeOrder(
    of id: HoldID, in transaction: inout WriteTransaction, _ tables: Tables
  ) throws(LMDBError) {
    let deadline = entry.isOpen ? entry.hold.expiresAt : nil
    guard deadline != storedDeadline else { return }
    let nothing: [UInt8] = []
    if let storedDeadline {
      try transaction.remove(
        Key.deadline(storedDeadline, id.position).rawBytes, from: tables.expiries)
    }
    if let deadline {
      let key = Key.deadline(deadline, id.position)
      try transaction.put(nothing.rawBytes, under: key.rawBytes, in: tables.expiries)
    }
    let key = Key.history(owner, from: id.position.rawValue)
    if storedDeadline == nil {
      try transaction.put(nothing.rawBytes, under: key.rawBytes, in: tables.holdOwners)
    } else if deadline == nil {
      try transaction.remove(key.rawBytes, from: tables.holdOwners)
    }
  }
}
