internal import LMDB
public import QuotaModel

/// Events folded together, visible to readers all at once at `commit`.
///
/// Questions asked of a batch see everything that was folded into it so far.
public struct FoldBatch: ~Copyable {
  let folder: Folder
  /// The tables as they were when the batch began; everything newer is in memory.
  private let transaction: ReadTransaction

  init(folder: Folder, transaction: consuming ReadTransaction) {
    self.folder = folder
    self.transaction = transaction
  }

  public var state: ProjectionState { folder.working.state }

  /// Whether something was folded that readers find in the tables only: it is stored at once.
  public var changesTables: Bool {
    folder.working.changesTables || folder.working.sessions.hasChanges
  }
  public var calendar: QuotaCalendar { folder.working.calendar }

  /// The account of `user`, or nil.
  public mutating func account(_ user: UserID) throws(ProjectionFailure) -> AccountEntry? {
    guard let index = try index(of: user) else { return nil }
    return folder.working.accounts.entry(at: index)
  }

  /// Whether anybody but `user` is active and manages users. It may cost looking at every account.
  public mutating func hasOtherStaff(than user: UserID) throws(ProjectionFailure) -> Bool {
    let isStaff = { (account: Account) in
      account.user != user && account.isActive && account.role == .staff
    }
    if folder.working.accounts.slots.contains(where: { isStaff($0.entry.account) }) { return true }
    var candidates: [UserID] = []
    do throws(LMDBError) {
      var cursor = try cursor(in: tables.accounts)
      var entry = try cursor.first()
      while let found = entry {
        candidates.append(found.key.user(at: 0))
        entry = try cursor.next()
      }
    } catch {
      throw ProjectionFailure(error)
    }
    for candidate in candidates where folder.working.accounts.index(of: candidate) == nil {
      let key = Key.account(candidate)
      guard let row = try get(key.rawBytes, in: tables.accounts) else { continue }
      if isStaff(try AccountRow.entry(of: candidate, from: row).account) { return true }
    }
    return false
  }

  /// Says whom the batch is about to ask for; only a hint, which makes many answers come quicker.
  public func expect(_ users: [UserID]) { folder.working.accounts.warm(users) }

  /// Everything that `user` ever spent; nil where nobody registered the user.
  public mutating func lifetime(of user: UserID) throws(ProjectionFailure) -> TokenCount? {
    guard let index = try index(of: user) else { return nil }
    return folder.working.accounts.lifetime(at: index)
  }

  /// The day, week and month that hold `moment`.
  public func windows(containing moment: Moment) -> PerPeriod<Window> {
    folder.working.windows.windows(containing: moment, in: calendar)
  }

  /// What an account used in each of `windows`.
  public func used(
    by entry: AccountEntry, in windows: PerPeriod<Window>
  ) throws(ProjectionFailure) -> PerPeriod<TokenCount> {
    try PerPeriod { (period) throws(ProjectionFailure) in
      guard entry.account.counts(period, defaults: state.defaults.limits) else { return .zero }
      return try used(by: entry, in: windows[period])
    }
  }

  func used(
    by entry: AccountEntry, in window: Window
  ) throws(ProjectionFailure) -> TokenCount {
    try calendar.countedParts(of: window).total { (part) throws(ProjectionFailure) in
      let latest = entry.account.latest[part.period]
      if latest.start == part.start { return latest.used }
      if latest.start < part.start { return .zero }
      return try pastUsage(of: entry.number, part)
    }
  }

  /// Where an actor's request was recorded, or nil.
  public mutating func position(
    ofRequest id: RequestID, by actor: Actor
  ) throws(ProjectionFailure) -> Position? {
    var key: [UInt8] = []
    key.reserveCapacity(64)
    RequestKey.append(try scope(of: actor), id, to: &key)
    if let pending = folder.working.requests.position(of: key) { return Position(pending) }
    if let pending = folder.working.storing?.requests.position(of: key) {
      return Position(pending)
    }
    guard let row = try get(key.rawBytes, in: tables.requests) else { return nil }
    return try WordRow.position(from: row)
  }

  /// The token under an id, whether revoked or not.
  public func token(_ id: TokenID) throws(ProjectionFailure) -> TokenEntry? {
    let key = Key.number(id.rawValue)
    return try row(key.rawBytes, in: tables.tokenIDs, TokenRow.entry)
  }

  /// Whether a token with this digest was ever issued and not revoked.
  public func hasToken(_ digest: TokenDigest) throws(ProjectionFailure) -> Bool {
    let key = Key.token(digest)
    return try row(key.rawBytes, in: tables.tokens) { _ in } != nil
  }

  /// The number that an actor's requests are kept under.
  public mutating func scope(of actor: Actor) throws(ProjectionFailure) -> AccountNumber {
    guard case .user(let user) = actor else { return .none }
    if let latest = folder.working.latestActor, latest.user == user { return latest.number }
    guard let index = try index(of: user) else { return .none }
    let number = folder.working.accounts.number(at: index)
    folder.working.latestActor = (user, number)
    return number
  }

  /// Makes the batch visible to readers, and calls `whenShown` as soon as it is.
  ///
  /// What is in memory only is stored as well where readers need it (a token, a hold, a user), or where
  /// `mayWait` is false: then, where the folder has a background, without being waited for. A folder that
  /// only shows what it folds stores nothing.
  /// When it throws, the batch is visible and not stored, and the folder is of no use any more.
  public consuming func commit(
    mayWait: Bool, whenShown: () -> Void = {}
  ) throws(ProjectionFailure) {
    storeSessions()
    let folder = self.folder
    if folder.publishes {
      folder.generation.overlay.update { folder.working.publish(in: &$0) }
    }
    whenShown()
    if folder.purpose.stores { try folder.store(mayWait: mayWait) }
    folder.working.sessions.trim()
    folder.working.changesTables = false
    folder.working.hasFolded = false
    folder.working.isInBatch = false
  }

  /// Ends a batch in which nothing was folded.
  public consuming func abandon() {
    precondition(!folder.working.hasFolded, "what was folded has to be committed")
    folder.working.isInBatch = false
  }
}

extension FoldBatch {
  var tables: Tables { folder.generation.tables }

  /// A cursor over a table as it was when the batch began.
  @_lifetime(borrow self)
  func cursor(in table: Table) throws(LMDBError) -> Cursor { try transaction.cursor(in: table) }

  @_lifetime(borrow self)
  func get(_ key: RawSpan, in table: Table) throws(ProjectionFailure) -> RawSpan? {
    do {
      return try transaction.get(key, in: table)
    } catch {
      throw ProjectionFailure(error)
    }
  }

  /// The index of an account in the cache, which it enters where it was not.
  mutating func index(of user: UserID) throws(ProjectionFailure) -> Int? {
    if let latest = folder.working.latestAccount, latest.user == user { return latest.index }
    guard let index = try searchedIndex(of: user) else { return nil }
    folder.working.latestAccount = (user, index)
    return index
  }

  private mutating func searchedIndex(of user: UserID) throws(ProjectionFailure) -> Int? {
    if let index = folder.working.accounts.index(of: user) { return index }
    if folder.working.hasAllAccounts { return nil }
    let key = Key.account(user)
    guard let row = try get(key.rawBytes, in: tables.accounts) else { return nil }
    return folder.working.accounts.insert(try AccountRow.entry(of: user, from: row))
  }

  func pastUsage(
    of account: AccountNumber, _ window: CountedWindow
  ) throws(ProjectionFailure) -> TokenCount {
    let pending = WindowKey(account: account, window: window)
    if let used = folder.working.past.windows[pending] { return used }
    if let used = folder.working.storing?.past.windows[pending] { return used }
    let key = Key.window(account, window)
    guard let row = try get(key.rawBytes, in: tables.windows) else { return .zero }
    return try WordRow.tokens(from: row)
  }
}
