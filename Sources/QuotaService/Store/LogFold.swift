internal import EventLog
internal import Evidence
internal import LMDB
internal import Projections
internal import QuotaModel

/// Brings a projection up to the head of the log.
struct LogFold {
  /// Events that are folded before readers see them and memory is given back. More of them in one
  /// batch write fewer pages twice.
  private static let eventsPerBatch = 131_072
  /// Batches that may wait to be stored, before folding waits for that.
  private static let maximumWaitingBatchCount = 2

  let log: LMDBLog
  /// Asked after each batch; what is folded by then is stored.
  var shouldStop: () -> Bool = { false }

  /// Folds everything behind the folder's position, or what of it comes up to `end`, and stores it, with
  /// the root of the log's tree: a generation that was folded from the log knows which one that was.
  func catchUp(
    _ folder: Folder, upTo end: Position? = nil, progress: ProgressReport? = nil
  ) throws(StoreFailure) {
    let last = try usingLog(log.head())
    let head = min(last, end ?? last)
    let start = folder.state.position
    folder.rootSource = log.rootSource
    defer { folder.rootSource = nil }
    let isLong = head.rawValue > start.rawValue + UInt64(Self.eventsPerBatch)
    try usingProjection(folder.prepareRun(isLong: isLong))
    guard isLong else { return try fold(into: folder, upTo: head, progress) }
    let thread = StoringThread()
    defer {
      folder.runInBackground = nil
      thread.stop()
    }
    folder.runInBackground = { thread.run($0) }
    try fold(into: folder, upTo: head, progress)
  }

  private func fold(
    into folder: Folder, upTo head: Position, _ progress: ProgressReport?
  ) throws(StoreFailure) {
    while folder.state.position < head {
      if folder.unstoredCount >= Self.eventsPerBatch * Self.maximumWaitingBatchCount {
        try usingProjection(folder.storeNext())
      }
      try foldSome(into: folder, upTo: head, mayWait: false)
      progress?(folder.state.position.rawValue, head.rawValue)
      if shouldStop() { break }
    }
    try usingProjection(folder.storeAll())
  }

  /// Folds what little is behind the folder's position, without waiting until it is stored.
  func takeTail(_ folder: Folder) throws(StoreFailure) {
    let head = try usingLog(log.head())
    while folder.state.position < head {
      try foldSome(into: folder, upTo: head, mayWait: true)
    }
  }

  private func foldSome(
    into folder: Folder, upTo head: Position, mayWait: Bool
  ) throws(StoreFailure) {
    var batch = try usingProjection(folder.beginBatch())
    var spends = WaitingSpends()
    var count = 0
    let start = batch.state.position
    try log.scan(after: start) { (record) throws(StoreFailure) in
      try spends.take(record, into: &batch)
      count += 1
      return count < Self.eventsPerBatch && record.position < head ? .proceed : .stop
    }
    try spends.fold(into: &batch)
    do { try batch.commit(mayWait: mayWait) } catch { throw .projection(error) }
  }
}

extension LMDBLog {
  /// The root of the tree over the records up to a position, for projections.
  var rootSource: @Sendable (Position) throws(ProjectionFailure) -> [UInt8] {
    { (position) throws(ProjectionFailure) in
      do throws(ProofRefused) {
        return try self.root(of: TreeSize(position.rawValue)).bytes
      } catch {
        throw .other(error.description)
      }
    }
  }
}

/// Spends that wait to be folded together.
private struct WaitingSpends {
  private static let capacity = 128

  private var spends: [LoggedSpend] = []

  init() { spends.reserveCapacity(Self.capacity) }

  /// Keeps a spend; folds anything else at once, behind everything that waits.
  mutating func take(
    _ record: borrowing RecordView, into batch: inout FoldBatch
  ) throws(StoreFailure) {
    guard record.kind == .tokensSpent else {
      try fold(into: &batch)
      return try batch.fold(record)
    }
    do throws(RecordDamage) {
      let spent = try record.spentTokens()
      spends.append(
        LoggedSpend(
          position: record.position, recordedAt: record.recordedAt,
          happenedAt: record.happenedAt, user: spent.user, tokens: spent.total))
    } catch {
      throw .log(.damaged(at: record.position, error))
    }
    if let id = record.requestIDBytes {
      do {
        try batch.remember(id, of: record.actor, at: record.position)
      } catch {
        throw .projection(error)
      }
    }
    if spends.count == Self.capacity { try fold(into: &batch) }
  }

  mutating func fold(into batch: inout FoldBatch) throws(StoreFailure) {
    try usingProjection(batch.fold(spends))
    spends.removeAll(keepingCapacity: true)
  }
}

extension FoldBatch {
  /// Takes a stored record into account, reading no more of it than the fold needs.
  mutating func fold(_ record: borrowing RecordView) throws(StoreFailure) {
    let change: FoldedEvent.Change
    do throws(RecordDamage) {
      change = try record.change()
    } catch {
      throw .log(.damaged(at: record.position, error))
    }
    do {
      try fold(
        FoldedEvent(
          position: record.position, recordedAt: record.recordedAt,
          happenedAt: record.happenedAt, actor: record.actor, requestID: record.requestIDBytes,
          change: change))
    } catch {
      throw .projection(error)
    }
  }
}

extension FoldBatch {
  /// Takes a record into account that is encoded in `bytes`.
  mutating func fold(_ bytes: [UInt8], range: Range<Int>) throws(StoreFailure) {
    let record: RecordView
    do {
      record = try RecordView(checking: bytes.rawBytes.extracting(range))
    } catch {
      throw .log(.damaged(at: state.position.next, error))
    }
    try fold(record)
  }
}

extension RecordView {
  fileprivate func change() throws(RecordDamage) -> FoldedEvent.Change {
    guard kind == .tokensSpent else { return .other(try fact()) }
    let spent = try spentTokens()
    return .spent(spent.user, spent.total)
  }
}
