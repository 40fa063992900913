internal import EventLog
internal import Projections
internal import QuotaModel

extension Queries {
  private static let systemKinds: Set<EventKind> = [
    .defaultsChanged, .modesChanged, .calendarChanged,
  ]

  /// What held for everybody at a position, also where only the log has it yet: it is ahead of the tables
  /// while these are written, and what concerns everybody is nowhere else.
  func pastSystem(at position: Position) throws(StoreFailure) -> PastSystem {
    let known = try reading { (snapshot) throws(ProjectionFailure) in
      (system: try snapshot.pastSystem(at: position), upTo: try snapshot.storedState().position)
    }
    var system = known.system
    try scan(after: known.upTo, upTo: position, for: Self.systemKinds) { (fact, _) in
      system.apply(fact)
    }
    return system
  }

  /// The session that an id stands for at a position, and where its events are that only the log has yet.
  func sessionTail(
    of id: SessionID, _ known: SessionRef?, after start: Position, upTo position: Position
  ) throws(StoreFailure) -> (ref: SessionRef?, positions: [Position]) {
    var (ref, positions) = (known, [Position]())
    // Spends are most of what the tables do not have, and of no session.
    let kinds = Set(EventKind.allCases).subtracting([.tokensSpent])
    try scan(after: start, upTo: position, for: kinds) { (fact, position) in
      if case .sessionStarted(let start) = fact, start.id == id {
        (ref, positions) = (SessionRef(position), [position])
      } else if case .session(ref, _) = fact {
        positions.append(position)
      }
    }
    return (ref, positions)
  }

  /// Shows the facts of some kinds that the log has behind what the tables have.
  private func scan(
    after start: Position, upTo end: Position, for kinds: Set<EventKind>,
    _ body: (Fact, Position) -> Void
  ) throws(StoreFailure) {
    guard start < end else { return }
    try usingLog { () throws(LogFailure) in
      try store.log.scan(after: start) { (record) throws(RecordDamage) in
        guard record.position <= end else { return .stop }
        if kinds.contains(record.kind) { body(try record.fact(), record.position) }
        return .proceed
      }
    }
  }
}
