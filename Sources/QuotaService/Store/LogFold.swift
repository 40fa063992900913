internal import EventLog
internal import LMDB
internal import Projections
internal import QuotaModel

/// Brings a projection up to the head of the log.
struct LogFold {
  /// Events that are folded before readers see them and memory is given back. More of them in one
  /// batch write fewer pages twice.
  private static let eventsPerBatch = 524_288

  let log: any EventLog

  /// Folds everything behind the folder's position.
  func catchUp(_ folder: Folder, progress: ProgressReport? = nil) throws(StoreFailure) {
    let head = try usingLog { () throws(LogFailure) in try log.heads(of: [.only])[0] }
    while folder.state.position < head {
      try foldSome(into: folder)
      progress?(folder.state.position.rawValue, head.rawValue)
    }
  }

  private func foldSome(into folder: Folder) throws(StoreFailure) {
    var batch = try usingProjection { () throws(ProjectionFailure) in try folder.beginBatch() }
    var failure: StoreFailure?
    var count = 0
    let start = batch.state.position
    try usingLog { () throws(LogFailure) in
      try log.scan(.only, after: start) { record in
        do throws(StoreFailure) {
          try batch.fold(record)
        } catch {
          failure = error
          return .stop
        }
        count += 1
        return count < Self.eventsPerBatch ? .proceed : .stop
      }
    }
    if let failure { throw failure }
    do { try batch.commit(mayWait: false) } catch { throw .projection(error) }
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
    switch kind {
    case .tokensSpent:
      let spent = try spentTokens()
      return .spent(spent.user, spent.total)
    case .userRegistered, .userDeactivated, .userReactivated, .roleChanged, .tokenIssued,
      .tokenRevoked, .defaultsChanged, .limitsChanged, .calendarChanged, .spendHeld, .holdSettled,
      .holdVoided, .holdExpired, .spendRefused:
      return .other(try fact())
    }
  }
}
