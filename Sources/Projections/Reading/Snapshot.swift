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

  /// What an account used in one window.
  public func used(
    by entry: AccountEntry, in window: Window
  ) throws(ProjectionFailure) -> TokenCount {
    let latest = entry.account.latest[window.period]
    if latest.start == window.start { return latest.used }
    if latest.start < window.start { return .zero }
    let pending = WindowKey(account: entry.number, period: window.period, start: window.start)
    if let used = overlay.used(in: pending) { return used }
    let key = Key.window(entry.number, window.period, start: window.start)
    guard let row = try get(key.rawBytes, in: tables.windows) else { return .zero }
    return try WordRow.tokens(from: row)
  }

  /// The valid token with this digest, or nil.
  public func token(_ digest: TokenDigest) throws(ProjectionFailure) -> TokenEntry? {
    let key = Key.token(digest)
    guard let row = try get(key.rawBytes, in: tables.tokens) else { return nil }
    return try TokenRow.entry(from: row)
  }

  /// Accounts in the order of their ids, from behind `user` on.
  public func accounts(
    after user: UserID?, limit: Int
  ) throws(ProjectionFailure) -> [AccountEntry] {
    var entries: [AccountEntry] = []
    let start = user ?? UserID(high: 0, low: 0)
    try forEach(in: tables.accounts, from: Key.account(start).rawBytes) {
      (key, row) throws(ProjectionFailure) in
      guard key.byteCount == 16 else { throw .malformedRow(table: "accounts") }
      let found = key.user(at: 0)
      if found != user {
        let stored = try AccountRow.entry(of: found, from: row)
        entries.append(overlay.account(found) ?? stored)
      }
      return entries.count < limit
    }
    return entries
  }

  /// The earliest deadline of an open hold, or nil where there is none.
  public func firstHoldDeadline() throws(ProjectionFailure) -> Moment? {
    var first: Moment?
    try forEach(in: tables.expiries, from: Key.number(0).rawBytes) {
      (key, _) throws(ProjectionFailure) in
      first = try ExpiryKey(key).deadline
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
