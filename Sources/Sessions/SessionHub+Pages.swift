public import QuotaModel
public import QuotaService

/// Which events of a session somebody wants to read.
public struct EventQuery: Sendable {
  /// Where an earlier page ended; nil: from the beginning, or backward from the end.
  public var cursor: String?
  /// 1 to 1000.
  public var limit = 200
  /// nil: every type.
  public var types: Set<String>?
  public var includesEphemeral = false
  public var isBackward = false

  public init() {}

  public func fits(_ event: ClientEvent) -> Bool {
    (includesEphemeral || event.isDurable) && types.map { $0.contains(event.type) } ?? true
  }
}

extension SessionHub {
  /// What a page of a session's events is read from: once prepared it can be read on any thread.
  public func pageReader(of session: SessionRef, _ query: EventQuery) -> SessionEventPageReader {
    SessionEventPageReader(session, query, self)
  }

  /// The page itself, where nobody waits meanwhile.
  public func page(
    of session: SessionRef, _ query: EventQuery
  ) throws(StoreFailure) -> SessionEventPage {
    try pageReader(of: session, query).page()
  }

  /// A page of the events that are kept, from behind a place on, and how far the log was looked at.
  public func history(
    of session: SessionRef, after place: SessionEventPlace?, limit: Int
  ) throws(StoreFailure) -> HistoryPage {
    try queries.history(of: session, after: place, limit: limit)
  }

  /// Everything that is kept of a session, in order.
  public func wholeHistory(of session: SessionRef) throws(StoreFailure) -> [ClientEvent] {
    try queries.wholeHistory(of: session)
  }

  /// The cursor behind everything that happened in a session so far.
  public func tail(of session: Session) -> String {
    EventCursor(place: session.lastEvent.number | 3, serial: latestSerial, epoch: epoch).text
  }

  /// The cursor behind one event that was heard.
  public func cursor(behind live: LiveEvent) -> String {
    let place =
      live.event.place
      ?? SessionEventPlace(position: live.event.position, index: SessionEventPlace.lastIndex)
    return EventCursor(place: place.number, serial: live.serial, epoch: epoch).text
  }
}

/// A page of a session's events.
public struct SessionEventPage: Sendable {
  public var events: [ClientEvent] = []
  /// Where the next page starts.
  public var cursor: String
  public var hasMore = false
  /// Whether the cursor was of a process that has ended, so that events that are not kept are lost.
  public var isExpired = false
}

/// Reads events behind a cursor in their order, or before it in the reverse order.
///
/// A cursor that names nothing is taken for the beginning, and said to have expired.
public struct SessionEventPageReader: Sendable {
  /// Events of the log that one page is looked for among; others are left to the next.
  private static let maximumScanCount = 2_000

  private let session: SessionRef
  private let query: EventQuery
  private let queries: Queries
  private let epoch: UInt64
  /// nil: the text was no cursor.
  private let start: EventCursor?
  private let isExpired: Bool
  /// What only memory has.
  private let remembered: [SessionHub.LiveEvent]

  fileprivate init(_ session: SessionRef, _ query: EventQuery, _ hub: SessionHub) {
    self.session = session
    self.query = query
    queries = hub.queries
    epoch = hub.epoch
    let start = query.cursor.map { EventCursor(text: $0) }
    self.start = start ?? nil
    let isOfAnother = start.map { $0.map { $0.serial > 0 && $0.epoch != hub.epoch } ?? true }
    isExpired =
      !query.isBackward
      && (isOfAnother == true && query.includesEphemeral || start == .some(nil))
    let serial = self.start.map { $0.epoch == hub.epoch ? $0.serial : 0 } ?? 0
    remembered =
      query.includesEphemeral && !query.isBackward
      ? hub.recentEvents(of: session, after: serial) : []
  }

  public func page() throws(StoreFailure) -> SessionEventPage {
    var page = query.isBackward ? try pageBefore() : try pageBehind()
    page.isExpired = isExpired
    return page
  }

  private func pageBehind() throws(StoreFailure) -> SessionEventPage {
    var ephemeral = remembered[...]
    var events: [ClientEvent] = []
    var place = SessionEventPlace(number: start?.place ?? 0)
    var serial = start.map { $0.epoch == epoch ? $0.serial : 0 } ?? 0
    var isLast = false
    var scanned = 0
    while events.count < query.limit, !isLast, scanned < Self.maximumScanCount {
      // Of those that are read, few may fit.
      let count = max(query.limit, 100)
      let page = try queries.history(
        of: session, after: place.number == 0 ? nil : place, limit: count)
      isLast = page.isLast
      scanned += count
      for event in page.events where events.count < query.limit {
        while let first = ephemeral.first, first.event.position < event.position,
          events.count < query.limit
        {
          add(ephemeral.removeFirst(), to: &events, &serial)
        }
        guard events.count < query.limit, let found = event.place else { break }
        if query.fits(event) { events.append(event) }
        place = found
      }
      if events.count < query.limit, !page.isLast {
        place = max(
          place, SessionEventPlace(position: page.seen, index: SessionEventPlace.lastIndex))
      }
    }
    // What only memory has comes behind what is still to be looked at.
    while events.count < query.limit, isLast, !ephemeral.isEmpty {
      add(ephemeral.removeFirst(), to: &events, &serial)
    }
    return SessionEventPage(
      events: events, cursor: EventCursor(place: place.number, serial: serial, epoch: epoch).text,
      hasMore: events.count == query.limit || !isLast)
  }

  private func add(
    _ live: SessionHub.LiveEvent, to events: inout [ClientEvent], _ serial: inout UInt64
  ) {
    serial = live.serial
    if query.fits(live.event) { events.append(live.event) }
  }

  /// Keeps no more of the session than the page has, however long the session is.
  private func pageBefore() throws(StoreFailure) -> SessionEventPage {
    var earlier: [ClientEvent] = []
    var isWhole = true
    try queries.pages(of: session) { (page) in
      for event in page {
        guard let place = event.place else { continue }
        if let start, place.number >= start.place { return false }
        if query.fits(event) { earlier.append(event) }
      }
      if earlier.count > query.limit {
        earlier.removeFirst(earlier.count - query.limit)
        isWhole = false
      }
      return true
    }
    if earlier.count > query.limit {
      earlier.removeFirst(earlier.count - query.limit)
      isWhole = false
    }
    let place = earlier.first?.place?.number ?? start?.place ?? 0
    return SessionEventPage(
      events: earlier.reversed(),
      cursor: EventCursor(place: place, serial: 0, epoch: epoch).text, hasMore: !isWhole)
  }
}

/// A place among the events of a session, as clients keep it: opaque to them.
struct EventCursor: Equatable {
  /// The last event that is kept and was seen.
  let place: UInt64
  /// The last one that was heard, in a process.
  let serial: UInt64
  let epoch: UInt64

  var text: String { "\(place)-\(serial)-\(String(epoch, radix: 36))" }

  init(place: UInt64, serial: UInt64, epoch: UInt64) {
    self.place = place
    self.serial = serial
    self.epoch = epoch
  }

  init?(text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, let place = UInt64(parts[0]), let serial = UInt64(parts[1]),
      let epoch = UInt64(parts[2], radix: 36),
      // Nothing lies at position zero, and whoever looks before it would find no number.
      place == 0 || SessionEventPlace(number: place).position > .zero
    else { return nil }
    self.init(place: place, serial: serial, epoch: epoch)
  }
}
