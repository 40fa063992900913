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
  private var accounts = AccountCache()
  private(set) var past = PendingPast()
  private var storedAccounts = AccountCache()
  private var storedPast = PendingPast()

  func account(_ user: UserID) -> AccountEntry? {
    if let index = accounts.index(of: user) { return accounts.entry(at: index) }
    return storedAccounts.index(of: user).map { storedAccounts.entry(at: $0) }
  }

  func used(in window: WindowKey) -> TokenCount? {
    past.windows[window] ?? storedPast.windows[window]
  }

  /// Blocks of an account's history, in order; the tables may have the first of them already.
  func blocks(of account: AccountNumber) -> [HistoryBlock] {
    (storedPast.blocks[account] ?? []) + (past.blocks[account] ?? [])
  }

  mutating func set(_ state: ProjectionState) { self.state = state }

  mutating func set(_ entry: AccountEntry) { accounts.set(entry) }

  mutating func set(_ past: PendingPast) { self.past = past }

  /// Everything so far is being stored.
  mutating func beginStoring() {
    storedAccounts = accounts
    storedPast = past
    accounts = AccountCache()
    past = PendingPast()
  }

  /// The tables have what was being stored.
  mutating func endStoring() {
    storedAccounts = AccountCache()
    storedPast = PendingPast()
    if accounts.count == 0 { state = nil }
  }
}

/// Rows of the tables `windows` and `history` that wait to be stored.
struct PendingPast: Sendable {
  private(set) var windows: [WindowKey: TokenCount] = [:]
  private(set) var blocks: [AccountNumber: [HistoryBlock]] = [:]
  private var blockCount = 0

  mutating func keep(_ used: TokenCount, in window: WindowKey) { windows[window] = used }

  mutating func append(_ block: HistoryBlock, of account: AccountNumber) {
    blocks[account, default: []].append(block)
    blockCount += 1
  }

  /// Changes with every row that is added, which is all that comparing two of them needs.
  var count: Int { windows.count + blockCount }

  mutating func removeAll() {
    blockCount = 0
    windows.removeAll(keepingCapacity: true)
    blocks.removeAll(keepingCapacity: true)
  }
}

/// Names one window of one account.
struct WindowKey: Hashable, Sendable {
  let account: AccountNumber
  let period: Period
  let start: Moment
}

/// Positions of 16 events that concern one account.
struct HistoryBlock: Sendable {
  let positions: InlineArray<16, UInt64>
}
