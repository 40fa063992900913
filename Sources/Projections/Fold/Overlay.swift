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

/// The changes on top of the tables.
struct OverlayContent: Sendable {
  /// nil where the tables say everything.
  var state: ProjectionState?
  var accounts = AccountCache()
  var past = PendingPast()
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
