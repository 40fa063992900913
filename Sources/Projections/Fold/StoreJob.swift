internal import LMDB
internal import QuotaModel

/// Changes on their way from memory to the tables; immutable once made, so that any thread may carry
/// it out while the fold goes on.
public final class StoreJob: Sendable {
  private let environment: Environment
  private let tables: Tables
  private let state: ProjectionState
  private let accounts: [(user: UserID, row: InlineArray<20, UInt64>)]
  let requests: PendingRequests
  let past: PendingPast
  let direct: DirectWrites
  let holds: PendingHolds
  let deadlines: PendingDeadlines
  private let outcome = Latch<ProjectionFailure?>()

  init(_ generation: Generation, _ working: inout WorkingSet) {
    environment = generation.environment
    tables = generation.tables
    state = working.state
    let changed = working.accounts.takeDirty()
    accounts = changed.map { index in
      let entry = working.accounts.entry(at: index)
      return (entry.account.user, AccountRow.bytes(of: entry))
    }
    requests = working.requests
    past = working.past
    direct = working.direct
    holds = working.holds
    deadlines = working.deadlines
    working.requests.removeAll()
    working.past.removeAll()
    working.direct.removeAll()
    working.holds = PendingHolds(capacity: holds.count)
    working.deadlines = PendingDeadlines()
    working.unstoredCount = 0
  }

  /// Writes everything, on the calling thread.
  ///
  /// Two transactions, because LMDB keeps every page that one changes in memory until its end, and
  /// for good. What the first writes, a fold that begins before it writes again as it is.
  public func run() {
    do throws(LMDBError) {
      try storeHistory()
      try storeState()
      outcome.open(with: nil)
    } catch {
      outcome.open(with: ProjectionFailure(error))
    }
  }

  private func storeHistory() throws(LMDBError) {
    guard requests.count > 0 || !past.blocks.isEmpty else { return }
    var transaction = try environment.beginWrite()
    try storeRequests(in: &transaction)
    try storeBlocks(in: &transaction)
    try transaction.commit()
  }

  /// What a fold counts on: it has to be true for one position.
  private func storeState() throws(LMDBError) {
    var transaction = try environment.beginWrite()
    try storeAccounts(in: &transaction)
    try storeWindows(in: &transaction)
    try direct.store(in: &transaction)
    try holds.store(in: &transaction, tables)
    let key = StateRow.key
    let row = StateRow.bytes(of: state)
    try transaction.put(row.rawBytes, under: key.rawBytes, in: tables.meta)
    try transaction.commit()
  }

  /// Whether it has been carried out, well or not.
  var isDone: Bool { outcome.isOpen }

  /// Waits for the end; answers what went wrong.
  func wait() -> ProjectionFailure? { outcome.wait() }

  private func storeAccounts(in transaction: inout WriteTransaction) throws(LMDBError) {
    // Sorted here and not where the job is made: there, decisions would wait for it.
    var order = accounts.indices.map { (user: accounts[$0].user, index: $0) }
    order.sort { $0.user < $1.user }
    try transaction.putInOrder(in: tables.accounts) { (table) throws(LMDBError) in
      for (user, index) in order {
        let key = Key.account(user)
        try table.put(accounts[index].row.rawBytes, under: key.rawBytes)
      }
    }
  }

  private func storeRequests(in transaction: inout WriteTransaction) throws(LMDBError) {
    try transaction.putInOrder(in: tables.requests) { (table) throws(LMDBError) in
      try requests.forEachSorted { (key, position) throws(LMDBError) in
        let row = Key.number(position.byteSwapped)
        try table.put(row.rawBytes, under: key)
      }
    }
  }

  private func storeWindows(in transaction: inout WriteTransaction) throws(LMDBError) {
    try transaction.putInOrder(in: tables.windows) { (table) throws(LMDBError) in
      for (window, used) in past.windows.sorted(by: { $0.key < $1.key }) {
        let key = Key.window(window.account, window.period, start: window.start)
        let row = Key.number(UInt64(used.rawValue).byteSwapped)
        try table.put(row.rawBytes, under: key.rawBytes)
      }
    }
  }

  private func storeBlocks(in transaction: inout WriteTransaction) throws(LMDBError) {
    try transaction.putInOrder(in: tables.history) { (table) throws(LMDBError) in
      for (account, blocks) in past.blocks.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        for block in blocks {
          let key = Key.history(account, from: block.positions[0])
          try table.put(block.positions.rawBytes, under: key.rawBytes)
        }
      }
    }
  }
}

extension WindowKey: Comparable {
  /// The order of the keys in the table.
  static func < (left: WindowKey, right: WindowKey) -> Bool {
    (left.account.rawValue, left.period.rawValue, left.start)
      < (right.account.rawValue, right.period.rawValue, right.start)
  }
}
