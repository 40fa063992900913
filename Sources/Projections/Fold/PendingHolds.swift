internal import LMDB
internal import QuotaModel

/// Holds that changed since the tables were written. Most come and go in between: of those only how they
/// ended is ever written.
struct PendingHolds: Sendable {
  struct Change: Sendable {
    var entry: HoldEntry
    /// The account number of the user.
    let owner: AccountNumber
    /// The times that the tables have of it; nil where it is not open there.
    let stored: Times?
  }

  /// The times that an open hold is found by.
  struct Times: Hashable, Sendable {
    let start: Moment
    let deadline: Moment

    /// nil for a hold that is not open.
    init?(of entry: HoldEntry) {
      guard entry.isOpen else { return nil }
      (start, deadline) = (entry.state.startedAt, entry.hold.expiresAt)
    }
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
    changes[id] = Change(entry: entry, owner: owner, stored: stored.flatMap(Times.init(of:)))
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
  /// Writes the entries by deadline, by start and by user, which open holds have and others do not.
  fileprivate func storeOrder(
    of id: HoldID, in transaction: inout WriteTransaction, _ tables: Tables
  ) throws(LMDBError) {
    let times = PendingHolds.Times(of: entry)
    guard times != stored else { return }
    let nothing: [UInt8] = []
    if let stored {
      try transaction.remove(
        Key.deadline(stored.deadline, id.position).rawBytes, from: tables.expiries)
      try transaction.remove(Key.start(stored.start, .hold(id)).rawBytes, from: tables.starts)
    }
    if let times {
      let deadline = Key.deadline(times.deadline, id.position)
      try transaction.put(nothing.rawBytes, under: deadline.rawBytes, in: tables.expiries)
      let start = Key.start(times.start, .hold(id))
      try transaction.put(nothing.rawBytes, under: start.rawBytes, in: tables.starts)
    }
    let key = Key.history(owner, from: id.position.rawValue)
    if stored == nil {
      try transaction.put(nothing.rawBytes, under: key.rawBytes, in: tables.holdOwners)
    } else if times == nil {
      try transaction.remove(key.rawBytes, from: tables.holdOwners)
    }
  }
}
