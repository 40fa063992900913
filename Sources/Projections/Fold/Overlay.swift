internal import QuotaModel
internal import Synchronization

/// What was folded and acknowledged, and is not in the tables yet.
///
/// A commit of the tables writes every page that it touched, and spends touch pages all over: writing
/// them once for thousands of events instead of once a batch is what makes folding cheap. Readers see
/// the tables through this overlay, so that an answer never lags behind a receipt.
final class Overlay: Sendable {
  private let content = Mutex(OverlayContent())

  /// Runs `body` with the content; the fold publishes nothing meanwhile.
  func withContent<Result: ~Copyable, Failure: Error>(
    _ body: (OverlayContent) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try content.withLock { (content) throws(Failure) in try body(content) }
  }

  /// Changes the content in one step for readers.
  func update(_ change: (inout OverlayContent) -> Void) { content.withLock { change(&$0) } }
}

/// The changes on top of the tables: those of a job that is storing them, and newer ones.
struct OverlayContent: Sendable {
  /// nil where the tables say everything.
  private(set) var state: ProjectionState?
  /// Whether `state` is newer than what is being stored.
  private var hasNewerState = false
  private var accounts = AccountCache()
  private var past = PendingPast()
  /// What became of holds, in order. They are searched only when somebody asks for a single one, and are
  /// added with every batch.
  private var holds: [(id: HoldID, entry: HoldEntry)] = []
  private var storedHolds: [(id: HoldID, entry: HoldEntry)] = []
  /// What was allowed on top of limits, in order; few, as operators are.
  private var allowances: [(user: UserID, allowances: Allowances)] = []
  private var storedAllowances: [(user: UserID, allowances: Allowances)] = []
  /// What became of access tokens, in order, nil where it is worth nothing; few, as operators are. The tables have it
  /// before anybody is told, unless they cannot be written: then it is known from here.
  private var tokens: [(digest: TokenDigest, entry: TokenEntry?)] = []
  private var storedTokens: [(digest: TokenDigest, entry: TokenEntry?)] = []
  private var storedAccounts = AccountCache()
  private var storedPast = PendingPast()

  func account(_ user: UserID) -> AccountEntry? {
    if let index = accounts.index(of: user) { return accounts.entry(at: index) }
    return storedAccounts.index(of: user).map { storedAccounts.entry(at: $0) }
  }

  /// What became of those holds of a user that changed since the tables were written.
  func changedHolds(of user: UserID) -> [HoldID: HoldEntry] {
    var changed: [HoldID: HoldEntry] = [:]
    for (id, entry) in storedHolds where entry.hold.user == user { changed[id] = entry }
    for (id, entry) in holds where entry.hold.user == user { changed[id] = entry }
    return changed
  }

  func hold(_ id: HoldID) -> HoldEntry? {
    let change = holds.last { $0.id == id } ?? storedHolds.last { $0.id == id }
    return change?.entry
  }

  func allowances(of user: UserID) -> Allowances? {
    let change =
      allowances.last { $0.user == user } ?? storedAllowances.last { $0.user == user }
    return change?.allowances
  }

  /// What a token is worth by now; nil where nothing became of it, an empty answer where it is worth nothing.
  func token(_ digest: TokenDigest) -> TokenEntry?? {
    let change =
      tokens.last { $0.digest == digest } ?? storedTokens.last { $0.digest == digest }
    return change.map(\.entry)
  }

  func used(in window: WindowKey) -> TokenCount? {
    past.windows[window] ?? storedPast.windows[window]
  }

  /// Blocks of an account's history, in order; the tables may have the first of them already.
  func blocks(of account: AccountNumber) -> [HistoryBlock] {
    (storedPast.blocks[account] ?? []) + (past.blocks[account] ?? [])
  }

  mutating func set(_ state: ProjectionState) {
    self.state = state
    hasNewerState = true
  }

  mutating func set(_ entry: AccountEntry) { accounts.set(entry) }

  mutating func add(_ additions: PastAdditions) {
    for (window, used) in additions.windows { past.keep(used, in: window) }
    for (account, block) in additions.blocks { past.append(block, of: account) }
    holds.append(contentsOf: additions.holds)
    allowances.append(contentsOf: additions.allowances)
    tokens.append(contentsOf: additions.tokens)
  }

  /// Everything so far is being stored.
  mutating func beginStoring() {
    // The memory of the last time serves again: fresh memory costs a page fault every 4 KiB.
    swap(&storedAccounts, &accounts)
    swap(&storedPast, &past)
    swap(&storedHolds, &holds)
    swap(&storedAllowances, &allowances)
    swap(&storedTokens, &tokens)
    holds.removeAll(keepingCapacity: true)
    allowances.removeAll()
    tokens.removeAll()
    accounts.removeAll()
    past.removeAll()
    hasNewerState = false
  }

  /// The tables have what was being stored.
  mutating func endStoring() {
    storedAccounts.removeAll()
    storedPast.removeAll()
    storedHolds.removeAll(keepingCapacity: true)
    storedAllowances.removeAll()
    storedTokens.removeAll()
    if !hasNewerState { state = nil }
  }
}

/// Rows of the tables `windows` and `history` that wait to be stored.
struct PendingPast: Sendable {
  private(set) var windows: [WindowKey: TokenCount] = [:]
  private(set) var blocks: [AccountNumber: [HistoryBlock]] = [:]

  mutating func keep(_ used: TokenCount, in window: WindowKey) { windows[window] = used }

  mutating func append(_ block: HistoryBlock, of account: AccountNumber) {
    blocks[account, default: []].append(block)
  }

  mutating func removeAll() {
    windows.removeAll(keepingCapacity: true)
    blocks.removeAll(keepingCapacity: true)
  }
}

/// Rows that one batch adds to a `PendingPast`, in order, so that readers' copy need not be made anew.
struct PastAdditions: Sendable {
  var windows: [(window: WindowKey, used: TokenCount)] = []
  var blocks: [(account: AccountNumber, block: HistoryBlock)] = []
  var holds: [(id: HoldID, entry: HoldEntry)] = []
  var allowances: [(user: UserID, allowances: Allowances)] = []
  var tokens: [(digest: TokenDigest, entry: TokenEntry?)] = []

  mutating func removeAll() {
    windows.removeAll(keepingCapacity: true)
    blocks.removeAll(keepingCapacity: true)
    holds.removeAll(keepingCapacity: true)
    allowances.removeAll()
    tokens.removeAll()
  }
}

/// Names one window of one account.
struct WindowKey: Hashable, Sendable {
  let account: AccountNumber
  let window: CountedWindow
}

/// Positions of 8 events that concern one account.
struct HistoryBlock: Sendable {
  let positions: InlineArray<8, UInt64>
}
