internal import QuotaModel
internal import QuotaService

/// Which events a stream is to tell.
struct EventInterest: Hashable {
  var user: UserID?
  var session: SessionRef?
  /// nil: of every kind.
  var kinds: Set<EventKind>? {
    didSet { kindBits = Self.bits(of: kinds) }
  }
  /// The same as a word: every event is compared with every stream's interest.
  private var kindBits = UInt64.max

  init(user: UserID? = nil, session: SessionRef? = nil, kinds: Set<EventKind>? = nil) {
    self.user = user
    self.session = session
    self.kinds = kinds
    kindBits = Self.bits(of: kinds)
  }

  private static func bits(of kinds: Set<EventKind>?) -> UInt64 {
    kinds.map { $0.reduce(0) { $0 | $1.bit } } ?? .max
  }

  /// Whether nothing is left out.
  var isAll: Bool { user == nil && session == nil && kinds == nil }

  /// Whether an index of the projection knows where the events are.
  var hasIndex: Bool { user != nil || session != nil }

  func includes(_ event: FeedEvent) -> Bool {
    guard kindBits & event.kindBit != 0 else { return false }
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
  let kindBit: UInt64
  let user: UserID?
  let session: SessionRef?
  let bytes: [UInt8]

  init(_ event: Event) {
    kindBit = event.fact.kind.bit
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

extension EventKind {
  /// One of 64 bits.
  fileprivate var bit: UInt64 {
    precondition(rawValue < 64, "there are more kinds of events than bits")
    return 1 << rawValue
  }
}
