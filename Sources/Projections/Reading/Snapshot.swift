internal import LMDB
public import QuotaModel

/// A consistent view of a projection; every answer of one snapshot is true for one position.
public struct Snapshot: ~Copyable {
  let transaction: ReadTransaction
  let tables: Tables
  let overlay: OverlayContent

  init(transaction: consuming ReadTransaction, tables: Tables, overlay: OverlayContent) {
    self.transaction = transaction
    self.tables = tables
    self.overlay = overlay
  }

  public func state() throws(ProjectionFailure) -> ProjectionState {
    if let state = overlay.state { return state }
    return try storedState()
  }

  /// The state that the tables have: what only they know, such as the events of a session, is true for its
  /// position. What waits in memory is published before it is stored.
  public func storedState() throws(ProjectionFailure) -> ProjectionState {
    let key = StateRow.key
    guard let row = try get(key.rawBytes, in: tables.meta), let state = StateRow.state(from: row)
    else { throw .malformedRow(table: "meta") }
    return state
  }

  public func account(_ user: UserID) throws(ProjectionFailure) -> AccountEntry? {
    if let entry = overlay.account(user) { return entry }
    let key = Key.account(user)
    guard let row = try get(key.rawBytes, in: tables.accounts) else { return nil }
    return try AccountRow.entry(of: user, from: row)
  }

  /// What an account used in the counted windows that windows consist of.
  public func used(
    by entry: AccountEntry, in windows: [CountedWindow]
  ) throws(ProjectionFailure) -> PerCount<[Moment: TokenCount]> {
    var used = PerCount<[Moment: TokenCount]>(repeating: [:])
    for window in windows {
      used[window.period][window.start] = try self.used(by: entry, in: window)
    }
    return used
  }

  public func used(
    by entry: AccountEntry, in window: CountedWindow
  ) throws(ProjectionFailure) -> TokenCount {
    let latest = entry.account.latest[window.period]
    if latest.start == window.start { return latest.used }
    if latest.start < window.start { return .zero }
    if let used = overlay.used(in: WindowKey(account: entry.number, window: window)) { return used }
    let key = Key.window(entry.number, window)
    guard let row = try get(key.rawBytes, in: tables.windows) else { return .zero }
    return try WordRow.tokens(from: row)
  }

  /// The valid token with this digest, or nil.
  public func token(_ digest: TokenDigest) throws(ProjectionFailure) -> TokenEntry? {
    if let entry = overlay.token(digest) { return entry }
    let key = Key.token(digest)
    guard let row = try get(key.rawBytes, in: tables.tokens) else { return nil }
    return try TokenRow.entry(from: row)
  }

  /// Accounts in the order of their ids, from behind `user` on, as the tables have them: only they know all
  /// of one position, and whatever makes or names an account is in them before anybody is told.
  public func storedAccounts(
    after user: UserID?, limit: Int
  ) throws(ProjectionFailure) -> [AccountEntry] {
    var entries: [AccountEntry] = []
    let start = user ?? UserID(high: 0, low: 0)
    try forEach(in: tables.accounts, from: Key.account(start).rawBytes) {
      (key, row) throws(ProjectionFailure) in
      guard key.byteCount == 16 else { throw .malformedRow(table: "accounts") }
      let found = key.user(at: 0)
      if found != user {
        entries.append(try AccountRow.entry(of: found, from: row))
      }
      return entries.count < limit
    }
    return entries
  }

  /// A hold, open or ended; nil where there was none.
  public func hold(_ id: HoldID) throws(ProjectionFailure) -> HoldEntry? {
    if let entry = overlay.hold(id) { return entry }
    return try storedHold(id)
  }

  private func storedHold(_ id: HoldID) throws(ProjectionFailure) -> HoldEntry? {
    let key = Key.number(id.position.rawValue)
    guard let row = try get(key.rawBytes, in: tables.holds) else { return nil }
    return try HoldRow.entry(from: row)
  }

  /// The open holds of an account, in order, the first `limit` of them; together they set aside what the
  /// account has reserved.
  public func openHolds(
    of entry: AccountEntry, limit: Int
  ) throws(ProjectionFailure) -> OpenHolds {
    guard limit > 0 else { return OpenHolds(holds: [], areAll: false) }
    var changed = overlay.changedHolds(of: entry.account.user)
    var open: [(id: HoldID, hold: Hold)] = []
    try forEach(in: tables.holdOwners, from: Key.history(entry.number, from: 0).rawBytes) {
      (key, _) throws(ProjectionFailure) in
      guard key.byteCount == 12, key.halfWord(at: 0).byteSwapped == entry.number.rawValue else {
        return false
      }
      let id = HoldID(Position(key.word(at: 4).byteSwapped))
      let change = changed.removeValue(forKey: id)
      let entry = change == nil ? try storedHold(id) : change
      if let entry, entry.isOpen { open.append((id, entry.hold)) }
      return open.count <= limit
    }
    // Those that the tables do not have yet were made later than all that they have.
    if open.count <= limit {
      let newer = changed.filter { $0.value.isOpen }.sorted { $0.key < $1.key }
      open += newer.map { ($0.key, $0.value.hold) }
    }
    return OpenHolds(holds: Array(open.prefix(limit)), areAll: open.count <= limit)
  }

  /// What was allowed an account on top of its limits.
  public func allowances(of account: Account) throws(ProjectionFailure) -> Allowances {
    guard account.hasAllowances else { return .none }
    if let allowances = overlay.allowances(of: account.user) { return allowances }
    let key = Key.account(account.user)
    guard let row = try get(key.rawBytes, in: tables.allowances) else { return .none }
    return try AllowancesRow.allowances(from: row)
  }

  /// Changes of limits that are still to come, in their order.
  public func schedules() throws(ProjectionFailure) -> [(id: ScheduleID, change: ScheduledChange)] {
    var schedules: [(id: ScheduleID, change: ScheduledChange)] = []
    try forEach(in: tables.schedules, from: Key.number(0).rawBytes) {
      (key, row) throws(ProjectionFailure) in
      let key = try DeadlineKey(key, of: "schedules")
      let change = try ScheduleRow.change(from: row, effectiveAt: key.deadline)
      schedules.append((ScheduleID(key.position), change))
      return true
    }
    return schedules
  }

  /// When the next scheduled change is due, or nil.
  public func firstScheduledMoment() throws(ProjectionFailure) -> Moment? {
    try firstDeadline(in: tables.changeDeadlines)
  }

  /// The latest correction of an event, or nil.
  public func correction(of position: Position) throws(ProjectionFailure) -> Position? {
    let key = Key.number(position.rawValue)
    guard let row = try get(key.rawBytes, in: tables.corrections) else { return nil }
    return try WordRow.position(from: row)
  }

  /// The first deadline in a table that is ordered by them.
  func firstDeadline(in deadlines: DeadlineTable) throws(ProjectionFailure) -> Moment? {
    var first: Moment?
    try forEach(in: deadlines.table, from: Key.number(0).rawBytes) {
      (key, _) throws(ProjectionFailure) in
      first = try DeadlineKey(key, of: deadlines.name).deadline
      return false
    }
    return first
  }

  @_lifetime(borrow self)
  func get(_ key: RawSpan, in table: Table) throws(ProjectionFailure) -> RawSpan? {
    do {
      return try transaction.get(key, in: table)
    } catch {
      throw ProjectionFailure(error)
    }
  }

  /// Shows entries from `key` on until `body` answers false.
  func forEach(
    in table: Table, from key: RawSpan,
    _ body: (RawSpan, RawSpan) throws(ProjectionFailure) -> Bool
  ) throws(ProjectionFailure) {
    var cursor: Cursor
    var goesOn = true
    do {
      cursor = try transaction.cursor(in: table)
    } catch {
      throw ProjectionFailure(error)
    }
    var entry: Entry?
    do { entry = try cursor.seek(key) } catch { throw ProjectionFailure(error) }
    while let found = entry, goesOn {
      goesOn = try body(found.key, found.value)
      do { entry = try cursor.next() } catch { throw ProjectionFailure(error) }
    }
  }
}

/// Open holds of an account, of which there may be more than anybody asked for.
public struct OpenHolds: Sendable {
  /// In the order in which they were made, each with what is left of it.
  public let holds: [(id: HoldID, hold: Hold)]
  public let areAll: Bool

  public init(holds: [(id: HoldID, hold: Hold)], areAll: Bool) {
    self.holds = holds
    self.areAll = areAll
  }
}
