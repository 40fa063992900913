internal import EventLog
internal import Projections
public import QuotaModel

extension Queries {
  /// A session as somebody may see it; nil where it does not exist for them.
  public func session(_ address: SessionAddress) throws(StoreFailure) -> Session? {
    let session = try reading { (snapshot) throws(ProjectionFailure) in
      try snapshot.session(address.id)
    }
    guard let session, address.viewer.sees(session) else { return nil }
    return session
  }

  /// The session that people mean by a text: its id, or the number of one that was deleted. A session may
  /// be called like another one's number; `@` before it says that the number is meant.
  public func session(spelling text: String) throws(StoreFailure) -> Session? {
    if text.hasPrefix("@") { return try session(numbered: text.dropFirst()) }
    if let id = try? SessionID(text),
      let session = try session(SessionAddress(id, as: .everybody))
    {
      return session
    }
    return try session(numbered: text[...])
  }

  private func session(numbered text: Substring) throws(StoreFailure) -> Session? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(text) else {
      return nil
    }
    return try session(SessionRef(Position(number)))
  }

  /// A session by number, deleted or not.
  public func session(_ ref: SessionRef) throws(StoreFailure) -> Session? {
    try reading { (snapshot) throws(ProjectionFailure) in try snapshot.session(ref) }
  }

  /// Sessions that somebody may see, in the order of their beginning, from behind `ref` on.
  public func sessions(
    as viewer: SessionViewer, after ref: SessionRef? = nil, limit: Int
  ) throws(StoreFailure) -> [Session] {
    try reading { (snapshot) throws(ProjectionFailure) in
      switch viewer {
      case .everybody: try snapshot.sessions(after: ref, limit: limit)
      case .user(let user): try snapshot.sessions(of: user, after: ref, limit: limit)
      }
    }
  }

  public func budget(_ id: BudgetID) throws(StoreFailure) -> SharedBudget? {
    try reading { (snapshot) throws(ProjectionFailure) in try snapshot.budget(id) }
  }

  /// What was kept beside the log with an event of a session.
  public func text(of session: SessionRef, at position: Position) throws(StoreFailure) -> [UInt8]? {
    try store.names.text(of: session, at: position)
  }

  /// Events of a session from behind `position` on, as its clients are told.
  public func news(
    of ref: SessionRef, after position: Position, limit: Int
  ) throws(StoreFailure) -> [SessionNews] {
    let (session, entries) = try reading { (snapshot) throws(ProjectionFailure) in
      (
        try snapshot.session(ref), try snapshot.events(of: ref, after: position, limit: limit)
      )
    }
    guard let session else { return [] }
    var news: [SessionNews] = []
    // Folded from the beginning once, however many events show it.
    var replayed: Session?
    for entry in entries {
      let event = try usingLog(store.log.event(at: entry.position))
      guard let event else { continue }
      if replayed != nil {
        replayed.apply(event.fact, at: event.position, recordedAt: event.recordedAt)
      } else if event.showsState {
        replayed = try self.session(ref, at: entry.position)
      }
      news.append(
        SessionNews(
          session: event.showsState ? replayed ?? session : session, event: event, entry: entry,
          text: event.hasText ? try text(of: ref, at: entry.position) : nil))
    }
    return news
  }

  /// A session as it was right after one of its events.
  public func session(
    _ ref: SessionRef, at position: Position
  ) throws(StoreFailure) -> Session? {
    try foldSession(try positions(of: ref, upTo: position))
  }

  /// Where a session's events are, as the tables know; more than `limit` where there are more.
  func positions(
    of ref: SessionRef, upTo end: Position, limit: Int = .max
  ) throws(StoreFailure) -> [Position] {
    let pageLimit = 10_000
    var positions: [Position] = []
    while positions.count <= limit {
      let entries = try reading { (snapshot) throws(ProjectionFailure) in
        try snapshot.events(of: ref, after: positions.last ?? .zero, limit: pageLimit)
      }
      let found = entries.map(\.position).prefix { $0 <= end }
      positions += found
      if found.count < pageLimit { break }
    }
    return positions
  }

  func foldSession(_ positions: [Position]) throws(StoreFailure) -> Session? {
    var session: Session?
    try usingLog(
      store.log.records(at: positions) { (record) throws(RecordDamage) in
        session.apply(try record.fact(), at: record.position, recordedAt: record.recordedAt)
        return .proceed
      })
    return session
  }
}

extension Event {
  /// Whether its clients are told about the whole session's state.
  fileprivate var showsState: Bool {
    if case .session(_, .closed) = fact { true } else { false }
  }

  fileprivate var hasText: Bool {
    if case .sessionStarted = fact { return true }
    if case .session(_, let fact) = fact { return fact.hasText }
    return false
  }
}
