public import QuotaModel
public import QuotaService

/// A page of the events of a session that are kept.
public struct HistoryPage: Sendable {
  public let events: [ClientEvent]
  /// Everything up to here was looked at.
  public let seen: Position
  public let isLast: Bool
}

/// What a session's clients were told and the log has. May be asked on any thread, and had better be: a
/// session may have any number of events.
extension Queries {
  /// A page of the events that are kept, from behind a place on, and how far the log was looked at.
  public func history(
    of session: SessionRef, after place: SessionEventPlace?, limit: Int
  ) throws(StoreFailure) -> HistoryPage {
    // The event at the place itself may be shown as more than one. It is read on top of the limit:
    // a page that has nothing else would never end.
    let isInside = place.map { $0.index < SessionEventPlace.lastIndex } ?? false
    let start = place.map { Position($0.position.rawValue - (isInside ? 1 : 0)) } ?? .zero
    let limit = isInside ? limit + 1 : limit
    let news = try news(of: session, after: start, limit: limit)
    let events = news.flatMap(SessionNarrator.events).filter { event in
      guard let found = event.place else { return false }
      return place.map { found > $0 } ?? true
    }
    return HistoryPage(
      events: events, seen: news.last?.event.position ?? start, isLast: news.count < limit)
  }

  /// Goes through everything that is kept of a session, in order, a page at a time, until `body` wants no
  /// more.
  public func pages(
    of session: SessionRef, _ body: ([ClientEvent]) -> Bool
  ) throws(StoreFailure) {
    var last: SessionEventPlace?
    while true {
      let page = try history(of: session, after: last, limit: 1000)
      guard body(page.events), !page.isLast else { return }
      last = SessionEventPlace(position: page.seen, index: SessionEventPlace.lastIndex)
    }
  }

  /// Everything that is kept of a session, in order.
  public func wholeHistory(of session: SessionRef) throws(StoreFailure) -> [ClientEvent] {
    var events: [ClientEvent] = []
    try pages(of: session) { (page) in
      events += page
      return true
    }
    return events
  }
}
