internal import LMDB
public import QuotaModel

extension FoldBatch {
  /// A session by number, this batch included; nil where there is none.
  public mutating func session(_ ref: SessionRef) throws(ProjectionFailure) -> Session? {
    if let session = folder.working.sessions.sessions[ref] { return session }
    let key = Key.number(ref.position.rawValue)
    let session = try row(key.rawBytes, in: tables.sessions) { (row) throws(ProjectionFailure) in
      try SessionRow.session(ref, from: row)
    }
    if let session { folder.working.sessions.remember(session) }
    return session
  }

  /// The session that is called `id` and was not deleted.
  public mutating func session(_ id: SessionID) throws(ProjectionFailure) -> Session? {
    let key = Array(id.description.utf8)
    guard let ref = try number(under: key, in: tables.sessionIDs) else { return nil }
    return try session(SessionRef(Position(ref)))
  }

  /// A user's sessions that were not deleted, in the order of their beginning.
  public mutating func sessions(of user: UserID) throws(ProjectionFailure) -> [Session] {
    var found: [Session] = []
    for ref in try ownedSessions(of: user).sorted() {
      // The key of nobody is that of the user with the smallest id.
      guard let session = try session(ref), session.user == user else { continue }
      if session.phase != .deleted { found.append(session) }
    }
    return found
  }

  private func ownedSessions(of user: UserID) throws(ProjectionFailure) -> Set<SessionRef> {
    let first = Array(copying: Key.owned(SessionRef(.zero), by: user).rawBytes)
    var keys = folder.working.direct.keys(in: tables.sessionOwners)
    keys += folder.working.storing?.direct.keys(in: tables.sessionOwners) ?? []
    do throws(LMDBError) {
      var cursor = try cursor(in: tables.sessionOwners)
      var entry = try cursor.seek(first.rawBytes)
      while let row = entry, Array(copying: row.key).prefix(16) == first.prefix(16) {
        keys.append(Array(copying: row.key))
        entry = try cursor.next()
      }
    } catch {
      throw ProjectionFailure(error)
    }
    let own = keys.filter { $0.count == 24 && $0.prefix(16) == first.prefix(16) }
    return Set(own.map { SessionRef(Position($0.rawBytes.word(at: 16).byteSwapped)) })
  }

  /// Where a step of a session was recorded, or nil.
  public func position(
    of step: SessionKey, in session: SessionRef
  ) throws(ProjectionFailure) -> Position? {
    try number(under: Key.session(session, step), in: tables.sessionKeys).map { Position($0) }
  }

  public mutating func budget(_ id: BudgetID) throws(ProjectionFailure) -> SharedBudget? {
    if let budget = folder.working.sessions.budgets[id] { return budget }
    let key = Array(id.description.utf8)
    let budget = try row(key.rawBytes, in: tables.budgets) { (row) throws(ProjectionFailure) in
      try BudgetRow.budget(id, from: row)
    }
    if let budget { folder.working.sessions.remember(budget) }
    return budget
  }

  /// Calls whose reservation has ended by `moment`, in the order of their deadlines, as the tables have
  /// them: a batch that begins by asking sees all.
  public func expiredCalls(
    at moment: Moment, limit: Int
  ) throws(ProjectionFailure) -> [(session: SessionRef, admittedAt: Position)] {
    var found: [(session: SessionRef, admittedAt: Position)] = []
    try forEachDue(in: tables.callDeadlines, at: moment) { (key, row) throws(ProjectionFailure) in
      found.append((try CallExpiryRow(row).session, key.position))
      return found.count < limit
    }
    return found
  }

  private func number(
    under key: [UInt8], in table: Table
  ) throws(ProjectionFailure) -> UInt64? {
    try row(key.rawBytes, in: table) { (row) throws(ProjectionFailure) in
      guard row.byteCount == 8 else { throw .malformedRow(table: "sessions") }
      return row.word(at: 0).byteSwapped
    }
  }
}

extension FoldBatch {
  mutating func begin(_ start: SessionStart, _ event: borrowing FoldedEvent) {
    let session = Session(start, at: event.position, recordedAt: event.recordedAt)
    folder.working.sessions.change(session)
    let ref = session.ref
    putNumber(ref.position.rawValue, under: Array(start.id.description.utf8), in: tables.sessionIDs)
    put([], under: Key.named(start.id, ref).rawBytes, in: tables.sessionNames)
    put([], under: Key.owned(ref, by: start.user).rawBytes, in: tables.sessionOwners)
    put([], under: Key.number(ref.position.rawValue).rawBytes, in: tables.livingSessions)
    list(SessionEventEntry(position: event.position, parent: nil, earlierCount: 0), of: ref)
  }

  mutating func fold(
    _ fact: SessionFact, of ref: SessionRef, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    guard let before = try session(ref) else {
      throw .contradiction(at: event.position, "concerns session \(ref), which no event began")
    }
    list(
      SessionEventEntry(
        position: event.position, parent: before.lastEvent,
        earlierCount: before.counts.durableEvents), of: ref)
    if let key = fact.key {
      putNumber(event.position.rawValue, under: Key.session(ref, key), in: tables.sessionKeys)
    }
    if let budget = before.budget {
      try update(budget) { $0?.apply(fact, of: before, at: event.position) }
    }
    if let call = before.callChange(by: fact, at: event.position) {
      try keepExpiry(call, in: ref, from: event.happenedAt)
    }
    var session = before
    session.apply(fact, at: event.position, recordedAt: event.recordedAt)
    folder.working.sessions.change(session)
    if session.phase == .deleted, before.phase != .deleted { forget(session) }
  }

  /// Leaves a session out of every list of those that exist.
  private mutating func forget(_ session: Session) {
    remove(Array(session.id.description.utf8).rawBytes, from: tables.sessionIDs)
    remove(Key.owned(session.ref, by: session.user).rawBytes, from: tables.sessionOwners)
    remove(Key.number(session.ref.position.rawValue).rawBytes, from: tables.livingSessions)
  }

  /// Changes a budget, where there is one or is to be one.
  mutating func update(
    _ id: BudgetID, _ change: (inout SharedBudget?) -> Void
  ) throws(ProjectionFailure) {
    let before = try budget(id)
    var budget = before
    change(&budget)
    if let budget, budget != before { folder.working.sessions.change(budget) }
  }

  /// Writes what the batch changed; called once, at its end.
  mutating func storeSessions() {
    let changes = folder.working.sessions.takeChanges()
    for session in changes.sessions {
      put(
        SessionRow.bytes(of: session), under: Key.number(session.ref.position.rawValue).rawBytes,
        in: tables.sessions)
    }
    for budget in changes.budgets {
      put(
        BudgetRow.bytes(of: budget), under: Array(budget.id.description.utf8).rawBytes,
        in: tables.budgets)
    }
  }

  private mutating func list(_ entry: SessionEventEntry, of session: SessionRef) {
    let key = Key.pair(session.position.rawValue, entry.position.rawValue)
    put(SessionEventRow.bytes(of: entry), under: key.rawBytes, in: tables.sessionEvents)
  }

  private mutating func putNumber(_ number: UInt64, under key: [UInt8], in table: Table) {
    put(Array(copying: Key.number(number).rawBytes), under: key.rawBytes, in: table)
  }

  /// Keeps the order of the reservations' ends.
  private mutating func keepExpiry(
    _ change: CallChange, in session: SessionRef, from start: Moment
  ) throws(ProjectionFailure) {
    switch change {
    case .begun(let call):
      keepExpiry(of: call.admittedAt, call.expiresAt, in: session, from: start)
    case .extended(let call, let expiresAt):
      guard try removeExpiry(of: call) else { return }
      keepExpiry(of: call.admittedAt, expiresAt, in: session, from: start)
    case .ended(let call): try removeExpiry(of: call)
    }
  }

  private mutating func keepExpiry(
    of call: Position, _ deadline: Moment, in session: SessionRef, from start: Moment
  ) {
    put(
      CallExpiryRow(session: session, startedAt: start).bytes,
      under: Key.deadline(deadline, call).rawBytes, in: tables.callExpiries)
    begin(.call(admittedAt: call), at: start, in: session)
  }

  /// false: the call ends with the hold that it stands for, or there is none.
  @discardableResult
  private mutating func removeExpiry(of call: OpenCall) throws(ProjectionFailure) -> Bool {
    let key = Key.deadline(call.expiresAt, call.admittedAt)
    let row = try row(key.rawBytes, in: tables.callExpiries, CallExpiryRow.init)
    guard let row else { return false }
    remove(key.rawBytes, from: tables.callExpiries)
    endStart(of: .call(admittedAt: call.admittedAt), at: row.startedAt)
    return true
  }
}
