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
  /// A page of a session's events.
  public struct EventPage: Sendable {
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
  public func page(
    of session: SessionRef, _ query: EventQuery
  ) throws(StoreFailure) -> EventPage {
    let start = query.cursor.map { EventCursor(text: $0) }
    let cursor = (start ?? nil) ?? EventCursor(place: 0, serial: 0, epoch: epoch)
    let isExpired = start.map { $0.map { $0.serial > 0 && $0.epoch != epoch } ?? true } ?? false
    if query.isBackward { return try pageBefore(start ?? nil, of: session, query, isExpired) }
    var page = try pageBehind(cursor, of: session, query)
    page.isExpired = isExpired && query.includesEphemeral || start == .some(nil)
    return page
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

  private func pageBehind(
    _ cursor: EventCursor, of session: SessionRef, _ query: EventQuery
  ) throws(StoreFailure) -> EventPage {
    var ephemeral = query.includesEphemeral ? remembered(behind: cursor, of: session) : []
    var events: [ClientEvent] = []
    var place = SessionEventPlace(number: cursor.place)
    var serial = cursor.epoch == epoch ? cursor.serial : 0
    var isLast = false
    while events.count < query.limit, !isLast {
      // Of those that are read, few may fit.
      let page = try history(
        of: session, after: place.number == 0 ? nil : place, limit: max(query.limit, 100))
      isLast = page.isLast
      for event in page.events where events.count < query.limit {
        while let first = ephemeral.first, first.event.position < event.position,
          events.count < query.limit
        {
          add(ephemeral.removeFirst(), to: &events, &serial, query)
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
    while events.count < query.limit, !ephemeral.isEmpty {
      add(ephemeral.removeFirst(), to: &events, &serial, query)
    }
    return EventPage(
      events: events, cursor: EventCursor(place: place.number, serial: serial, epoch: epoch).text,
      hasMore: events.count == query.limit)
  }

  private func add(
    _ live: LiveEvent, to events: inout [ClientEvent], _ serial: inout UInt64, _ query: EventQuery
  ) {
    serial = live.serial
    if query.fits(live.event) { events.append(live.event) }
  }

  private func remembered(behind cursor: EventCursor, of session: SessionRef) -> [LiveEvent] {
    recentEvents(of: session, after: cursor.epoch == epoch ? cursor.serial : 0)
  }

  private func pageBefore(
    _ cursor: EventCursor?, of session: SessionRef, _ query: EventQuery, _ isExpired: Bool
  ) throws(StoreFailure) -> EventPage {
    let earlier = try wholeHistory(of: session).filter { event in
      guard let place = event.place else { return false }
      return query.fits(event) && cursor.map { place.number < $0.place } ?? true
    }
    let events = Array(earlier.suffix(query.limit).reversed())
    let place = events.last?.place?.number ?? cursor?.place ?? 0
    return EventPage(
      events: events, cursor: EventCursor(place: place, serial: 0, epoch: epoch).text,
      hasMore: earlier.count > events.count)
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
