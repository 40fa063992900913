internal import LMDB
internal import QuotaModel
internal import Synchronization

/// Changes on their way from memory to the tables; immutable once made, so that any thread may carry
/// it out while the fold goes on.
public final class StoreJob: Sendable {
  private let environment: MarkedEnvironment
  private let tables: Tables
  private let state: ProjectionState
  private let accounts: [(user: UserID, row: InlineArray<20, UInt64>, further: [UInt8])]
  let requests: PendingRequests
  let past: PendingPast
  let direct: DirectWrites
  let holds: PendingHolds
  let deadlines: PendingDeadlines
  let starts: PendingStarts
  /// Whether the tables get the state and everything that has to be true for its position; if not, the
  /// job takes rows of a long run and no more.
  private let storesState: Bool
  private let longRun: LongRun?
  private let rootSource: (@Sendable (Position) throws(ProjectionFailure) -> [UInt8])?
  private let gathered: Mutex<GatheredRows>
  private let outcome = Latch<ProjectionFailure?>()

  init(
    _ generation: Generation, _ working: inout WorkingSet, _ longRun: LongRun?,
    _ rootSource: (@Sendable (Position) throws(ProjectionFailure) -> [UInt8])?
  ) {
    self.rootSource = rootSource
    storesState = longRun == nil || working.stateIsDue
    self.longRun = longRun
    gathered = Mutex(GatheredRows(after: .zero))
    environment = generation.environment
    tables = generation.tables
    state = working.state
    let changed = storesState ? working.accounts.takeDirty() : []
    accounts = changed.map { index in
      let entry = working.accounts.entry(at: index)
      return (
        entry.account.user, AccountRow.bytes(of: entry), FurtherLimits.bytes(of: entry.account)
      )
    }
    requests = working.requests
    past = storesState ? working.past : PendingPast()
    direct = storesState ? working.direct : DirectWrites()
    holds = storesState ? working.holds : PendingHolds()
    deadlines = storesState ? working.deadlines : PendingDeadlines()
    starts = storesState ? working.starts : PendingStarts()
    working.requests.removeAll()
    working.unstoredCount = 0
    gathered.withLock { working.exchangeGathered(with: &$0) }
    guard storesState else { return }
    working.past.removeAll()
    working.direct.removeAll()
    working.holds = PendingHolds(capacity: holds.count)
    working.deadlines = PendingDeadlines()
    working.starts = PendingStarts()
    working.storedPosition = state.position
  }

  /// Writes everything, on the calling thread.
  ///
  /// Two transactions, because LMDB keeps every page that one changes in memory until its end, and
  /// for good. What the first writes, a fold that begins before it writes again as it is, and readers do
  /// not see: they take nothing that lies behind the position of the state.
  public func run() {
    do throws(ProjectionFailure) {
      try storeGathered()
      try storeFirstHalf()
      if storesState {
        let anchor = try anchor()
        try storeState(anchor)
        try longRun?.mergeIfMany()
      }
      outcome.open(with: nil)
    } catch {
      outcome.open(with: error)
    }
  }

  /// Gives back the memory of the rows of a long run, once the job is done.
  func takeGathered() -> GatheredRows {
    gathered.withLock { rows in
      var taken = GatheredRows(after: .zero)
      swap(&taken, &rows)
      return taken
    }
  }

  private func storeGathered() throws(ProjectionFailure) {
    guard let longRun else { return }
    try gathered.withLock { (rows) throws(ProjectionFailure) in
      guard state.position > rows.start else { return }
      try longRun.take(&rows, upTo: state.position)
    }
  }

  private func anchor() throws(ProjectionFailure) -> HistoryAnchor? {
    guard let root = try rootSource?(state.position) else { return nil }
    return HistoryAnchor(position: state.position, root: root)
  }

  /// The first of the two transactions; tests stop behind it.
  func storeFirstHalf() throws(ProjectionFailure) {
    guard requests.count > 0 || !past.blocks.isEmpty else { return }
    try environment.write { (transaction) throws(LMDBError) in
      try storeRequests(in: &transaction)
      try storeBlocks(in: &transaction)
    }
  }

  /// What a fold counts on: it has to be true for one position.
  private func storeState(_ anchor: HistoryAnchor?) throws(ProjectionFailure) {
    try environment.write { (transaction) throws(LMDBError) in
      try storeAccounts(in: &transaction)
      try storeWindows(in: &transaction)
      try direct.store(in: &transaction)
      try holds.store(in: &transaction, tables)
      let key = StateRow.key
      let row = StateRow.bytes(of: state)
      try transaction.put(row.rawBytes, under: key.rawBytes, in: tables.meta)
      if let anchor { try transaction.put(anchor, in: tables.meta) }
    }
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
        let further = accounts[index].further
        if further.isEmpty {
          try table.putAscending(accounts[index].row.rawBytes, under: key.rawBytes)
        } else {
          let row = Array(copying: accounts[index].row.rawBytes) + further
          try table.putAscending(row.rawBytes, under: key.rawBytes)
        }
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
      for (key, used) in past.windows.sorted(by: { $0.key < $1.key }) {
        let key = Key.window(key.account, key.window)
        let row = Key.number(UInt64(used.rawValue).byteSwapped)
        try table.putAscending(row.rawBytes, under: key.rawBytes)
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
    (left.account.rawValue, left.window.period.rawValue, left.window.start)
      < (right.account.rawValue, right.window.period.rawValue, right.window.start)
  }
}
