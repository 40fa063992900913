internal import EventLog
internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// Records a session's fact and keeps it for those who listen.
  mutating func tell(
    _ fact: SessionFact, in ref: SessionRef, _ submission: Submission?, text: [UInt8]? = nil
  ) throws(StoreFailure) {
    try tell(.session(ref, fact), in: ref, submission, text: text)
  }

  mutating func tell(
    _ fact: Fact, in ref: SessionRef, _ submission: Submission?, text: [UInt8]? = nil
  ) throws(StoreFailure) {
    let isFirst = ref.position == fold.state.position.next
    let before = isFirst ? nil : try current(ref)
    let receipt = try record(fact, for: submission, withRequestID: false)
    if case .session(_, .deleted) = fact { keep(mark: NameStore.mark(of: ref)) }
    if let text { keep(SessionText(session: ref, position: receipt.position, bytes: text)) }
    let event = Event(
      position: receipt.position, recordedAt: receipt.recordedAt,
      decidedAt: now == recordedAt ? nil : now, happenedAt: now,
      actor: submission?.actor ?? .service, reason: submission?.reason, fact: fact)
    let entry = SessionEventEntry(
      position: receipt.position, parent: before?.lastEvent,
      earlierCount: before?.counts.durableEvents ?? 0)
    add(
      SessionNews(
        session: try current(ref), event: event, entry: entry,
        text: text.flatMap { $0.isEmpty ? nil : $0 }))
  }

  mutating func answer(
    _ result: SessionResult, about ref: SessionRef
  ) throws(StoreFailure) -> Answer {
    .session(SessionAnswer(try current(ref), result))
  }

  mutating func session(at address: SessionAddress) throws(StoreFailure) -> Session? {
    guard let session = try session(named: address.id), address.viewer.sees(session) else {
      return nil
    }
    return address.ref.map { $0 == session.ref } ?? true ? session : nil
  }

  mutating func session(named id: SessionID) throws(StoreFailure) -> Session? {
    return try usingProjection(fold.session(id))
  }

  /// A session that is known to exist, as it is after everything so far.
  mutating func current(_ ref: SessionRef) throws(StoreFailure) -> Session {
    let session: Session?
    session = try usingProjection(fold.session(ref))
    guard let session else { throw .projection(.malformedRow(table: "sessions")) }
    return session
  }

  mutating func budget(_ id: BudgetID) throws(StoreFailure) -> SharedBudget? {
    return try usingProjection(fold.budget(id))
  }

  /// The event by which a step of a session was recorded before, or nil.
  mutating func earlierStep(
    _ key: SessionKey, _ session: Session
  ) throws(StoreFailure) -> Event? {
    let position: Position?
    do { position = try fold.position(of: key, in: session.ref) } catch {
      throw .projection(error)
    }
    return try position.map { (position) throws(StoreFailure) in try event(at: position) } ?? nil
  }
}
