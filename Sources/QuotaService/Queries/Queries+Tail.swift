internal import EventLog
internal import Projections
internal import QuotaModel

extension Queries {
  /// What held for everybody at a position, also where only the log has it yet: it is ahead of the tables
  /// while these are written, and what concerns everybody is nowhere else.
  func pastSystem(at position: Position) throws(StoreFailure) -> SystemState {
    let known = try reading { (snapshot) throws(ProjectionFailure) in
      (system: try snapshot.pastSystem(at: position), upTo: try snapshot.storedState().position)
    }
    var system = known.system
    try scan(after: known.upTo, upTo: position) { (fact, position) in
      if case .system(let change) = fact.effect(at: position) { system.apply(change) }
    }
    return system
  }

  /// The session that an id stands for at a position, and where its events are that only the log has yet.
  func sessionTail(
    of id: SessionID, _ known: SessionRef?, after start: Position, upTo position: Position
  ) throws(StoreFailure) -> (ref: SessionRef?, positions: [Position]) {
    var (ref, positions) = (known, [Position]())
    try scan(after: start, upTo: position) { (fact, position) in
      if case .sessionStarted(let start) = fact, start.id == id {
        (ref, positions) = (SessionRef(position), [position])
      } else if case .session(ref, _) = fact {
        positions.append(position)
      }
    }
    return (ref, positions)
  }

  /// Shows the facts that the log has behind what the tables have, but for spends: they are most of them,
  /// and concern neither a session nor everybody.
  private func scan(
    after start: Position, upTo end: Position, _ body: (Fact, Position) -> Void
  ) throws(StoreFailure) {
    guard start < end else { return }
    try usingLog(
      store.log.scan(after: start) { (record) throws(RecordDamage) in
        guard record.position <= end else { return .stop }
        if record.kind != .tokensSpent { body(try record.fact(), record.position) }
        return .proceed
      })
  }
}
