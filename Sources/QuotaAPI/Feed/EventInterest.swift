internal import QuotaModel
internal import QuotaService

/// Which events a stream is to tell.
struct EventInterest: Hashable {
  var user: UserID?
  var session: SessionRef?
  /// nil: of every kind.
  var kinds: Set<EventKind>?

  /// Whether nothing is left out.
  var isAll: Bool { user == nil && session == nil && kinds == nil }

  /// Whether an index of the projection knows where the events are.
  var hasIndex: Bool { user != nil || session != nil }

  func includes(_ event: FeedEvent) -> Bool {
    if let kinds, !kinds.contains(event.kind) { return false }
    if let user, user != event.user { return false }
    return session == nil || session == event.session
  }

  /// The same as a search of the log.
  func filter(after position: Position) -> EventFilter {
    var filter = EventFilter()
    filter.after = position
    filter.user = user
    filter.session = session
    filter.kinds = kinds
    return filter
  }
}

/// An event as streams send it, and what tells who wants it.
struct FeedEvent {
  let kind: EventKind
  let user: UserID?
  let session: SessionRef?
  let bytes: [UInt8]

  init(_ event: Event) {
    kind = event.fact.kind
    user = event.fact.user
    session = event.session
    bytes = FeedPiece.bytes(of: event)
  }
}

extension Event {
  /// The session that it began or happened in.
  fileprivate var session: SessionRef? {
    if case .sessionStarted = fact { return SessionRef(position) }
    if case .session(let ref, _) = fact { return ref }
    return nil
  }
}
