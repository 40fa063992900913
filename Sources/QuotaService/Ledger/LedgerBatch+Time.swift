internal import Projections
internal import QuotaModel

/// What time brings about without anybody asking.
extension LedgerBatch {
  /// Things of one kind that a batch deals with at most, so that memory stays bounded whatever is due.
  static let maximumDueCount = 4096

  /// Ends what has a deadline; answers whether that was all.
  mutating func letTimePass() throws(StoreFailure) -> Bool {
    let areStartsRight = try moveStartsToNow()
    let areHoldsDone = try expireHolds()
    let areCallsDone = try expireCalls()
    return try applySchedules() && areCallsDone && areHoldsDone && areStartsRight
  }

  /// Lets the time to live of what was made by a clock that was ahead begin anew, now that it is not any
  /// more: it would end when real time has caught up else. Answers whether that was all.
  private mutating func moveStartsToNow() throws(StoreFailure) -> Bool {
    // Nothing was made later than the last event was recorded.
    guard now < fold.state.recordedAt else { return true }
    let limit = Self.maximumDueCount
    let early = try usingProjection(fold.running(startedAfter: now, limit: limit))
    for start in early.starts {
      switch start.thing {
      case .hold(let hold): try restart(hold)
      case .call(let position):
        guard let session = start.session else { continue }
        try restart(position, in: session, from: start.startedAt)
      case .token(let token): try restart(token)
      }
    }
    return early.areAll
  }

  private mutating func restart(_ id: HoldID) throws(StoreFailure) {
    let entry = try usingProjection(fold.hold(id))
    guard let entry else { return }
    let end = deadline(entry.hold.expiresAt, from: entry.state.startedAt)
    _ = try record(
      .holdExtended(id, user: entry.hold.user, expiresAt: end), because: .clockWasAhead)
  }

  private mutating func restart(
    _ admission: Position, in ref: SessionRef, from start: Moment
  ) throws(StoreFailure) {
    let call = try current(ref).calls.first { $0.admittedAt == admission }
    guard let call else { return }
    try tell(
      .callExtended(call.call, expiresAt: deadline(call.expiresAt, from: start)), in: ref, nil)
  }

  private mutating func restart(_ token: TokenID) throws(StoreFailure) {
    let entry = try usingProjection(fold.token(token))
    guard let entry, let end = entry.expiresAt else { return }
    let issue = TokenIssue(
      token: token, user: entry.user, digest: entry.digest,
      expiresAt: deadline(end, from: entry.startedAt))
    _ = try record(.tokenIssued(issue), because: .clockWasAhead)
  }

  /// A deadline as far from now as the one before was from its start.
  private func deadline(_ end: Moment, from start: Moment) -> Moment {
    let timeToLive = end.microseconds.subtractingReportingOverflow(start.microseconds)
    let sum = now.microseconds.addingReportingOverflow(max(0, timeToLive.partialValue))
    return timeToLive.overflow || sum.overflow ? now : Moment(microseconds: sum.partialValue)
  }
}

extension Reason {
  /// Why the service changes the end of something that nobody has asked about.
  fileprivate static let clockWasAhead = try? Reason("the clock was ahead when it was made")
}
