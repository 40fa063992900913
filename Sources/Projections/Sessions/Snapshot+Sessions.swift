internal import LMDB
public import QuotaModel

extension Snapshot {
  /// The session that is called `id` and was not deleted.
  public func session(_ id: SessionID) throws(ProjectionFailure) -> Session? {
    let key = Array(id.description.utf8)
    guard let row = try get(key.rawBytes, in: tables.sessionIDs) else { return nil }
    guard row.byteCount == 8 else { throw .malformedRow(table: "session_ids") }
    return try session(SessionRef(Position(row.word(at: 0).byteSwapped)))
  }

  /// A session by number, deleted or not.
  public func session(_ ref: SessionRef) throws(ProjectionFailure) -> Session? {
    let key = Key.number(ref.position.rawValue)
    guard let row = try get(key.rawBytes, in: tables.sessions) else { return nil }
    return try SessionRow.session(ref, from: row)
  }

  /// Sessions that were not deleted, in the order of their beginning, from behind `ref` on.
  public func sessions(
    after ref: SessionRef?, limit: Int
  ) throws(ProjectionFailure) -> [Session] {
    var found: [Session] = []
    let start = ref.map { $0.position.rawValue + 1 } ?? 0
    try forEach(in: tables.livingSessions, from: Key.number(start).rawBytes) {
      (key, _) throws(ProjectionFailure) in
      guard key.byteCount == 8,
        let session = try session(SessionRef(Position(key.word(at: 0).byteSwapped)))
      else { throw .malformedRow(table: "living_sessions") }
      found.append(session)
      return found.count < limit
    }
    return found
  }

  /// The same for those of one user; nil: those of nobody.
  public func sessions(
    of user: UserID?, after ref: SessionRef?, limit: Int
  ) throws(ProjectionFailure) -> [Session] {
    var found: [Session] = []
    let behind = SessionRef(Position((ref?.position.rawValue ?? 0) + 1))
    let owner = Array(copying: Key.owned(behind, by: user).rawBytes).prefix(16)
    try forEach(in: tables.sessionOwners, from: Key.owned(behind, by: user).rawBytes) {
      (key, _) throws(ProjectionFailure) in
      let bytes = Array(copying: key)
      guard bytes.count == 24, bytes.prefix(16) == owner else { return false }
      let session = try session(SessionRef(Position(key.word(at: 16).byteSwapped)))
      // The key of nobody is that of the user with the smallest id.
      if let session, session.user == user { found.append(session) }
      return found.count < limit
    }
    return found
  }

  /// Events of a session from behind `position` on.
  public func events(
    of session: SessionRef, after position: Position, limit: Int
  ) throws(ProjectionFailure) -> [SessionEventEntry] {
    var found: [SessionEventEntry] = []
    let start = Key.pair(session.position.rawValue, position.rawValue + 1)
    try forEach(in: tables.sessionEvents, from: start.rawBytes) {
      (key, row) throws(ProjectionFailure) in
      guard found.count < limit, key.byteCount == 16,
        key.word(at: 0).byteSwapped == session.position.rawValue
      else { return false }
      let position = Position(key.word(at: 8).byteSwapped)
      found.append(try SessionEventRow.entry(at: position, from: row))
      return true
    }
    return found
  }

  /// Where a step of a session was recorded, or nil.
  public func position(
    of step: SessionKey, in session: SessionRef
  ) throws(ProjectionFailure) -> Position? {
    guard let row = try get(Key.session(session, step).rawBytes, in: tables.sessionKeys) else {
      return nil
    }
    guard row.byteCount == 8 else { throw .malformedRow(table: "session_keys") }
    return Position(row.word(at: 0).byteSwapped)
  }

  public func budget(_ id: BudgetID) throws(ProjectionFailure) -> SharedBudget? {
    guard let row = try get(Array(id.description.utf8).rawBytes, in: tables.budgets) else {
      return nil
    }
    return try BudgetRow.budget(id, from: row)
  }

  /// The earliest end of a reservation, or nil where there is none.
  public func firstCallDeadline() throws(ProjectionFailure) -> Moment? {
    try firstDeadline(in: tables.callDeadlines)
  }

  /// Sessions in which calls are under way.
  public func sessionsWithOpenCalls() throws(ProjectionFailure) -> [SessionRef] {
    var found: Set<SessionRef> = []
    try forEach(in: tables.callExpiries, from: Key.number(0).rawBytes) {
      (_, row) throws(ProjectionFailure) in
      found.insert(try CallExpiryRow(row).session)
      return true
    }
    return found.sorted()
  }
}
