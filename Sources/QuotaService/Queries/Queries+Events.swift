internal import EventLog
internal import Projections
public import QuotaModel

/// Which events somebody wants to see.
public struct EventFilter: Hashable, Sendable {
  public var after = Position.zero
  public var limit = 100
  public var user: UserID?
  /// nil: of every kind.
  public var kinds: Set<EventKind>?
  /// Events that a search without a user looks at before it answers with what it has.
  public var maximumScanCount = 200_000

  public init() {}

  fileprivate func wants(_ kind: EventKind) -> Bool { kinds?.contains(kind) ?? true }
}

/// A page of events.
public struct EventPage: Sendable {
  public var events: [Event] = []
  /// Where the next page starts; everything up to here has been looked at.
  public var nextAfter: Position
  public var hasMore = false
  /// The head of the log when the page was read.
  public var head: Position
}

extension Queries {
  /// The last position of the log.
  public func head() throws(StoreFailure) -> Position {
    try usingLog { () throws(LogFailure) in try store.log.head() }
  }

  /// The events behind a position that fit the filter, in order.
  ///
  /// A page may have fewer than `limit` events and still `hasMore`: a rare kind in a long log is
  /// searched in steps.
  public func events(_ filter: EventFilter) throws(StoreFailure) -> EventPage {
    if let user = filter.user { return try events(of: user, filter) }
    let head = try head()
    var page = EventPage(nextAfter: filter.after, head: head)
    var looked = 0
    var damage: RecordDamage?
    try usingLog { () throws(LogFailure) in
      try store.log.scan(.only, after: filter.after) { record in
        if page.events.count == filter.limit || looked == filter.maximumScanCount { return .stop }
        looked += 1
        page.nextAfter = record.position
        guard filter.wants(record.kind) else { return .proceed }
        do throws(RecordDamage) {
          page.events.append(try record.event())
        } catch {
          damage = error
          return .stop
        }
        return .proceed
      }
    }
    if let damage { throw .log(.damaged(at: page.nextAfter, damage)) }
    page.hasMore = page.nextAfter < head
    return page
  }

  private func events(
    of user: UserID, _ filter: EventFilter
  ) throws(StoreFailure) -> EventPage {
    let (positions, head) = try reading { (snapshot) throws(ProjectionFailure) in
      let head = try snapshot.state().position
      guard let entry = try snapshot.account(user) else { return ([Position](), head) }
      return (try snapshot.history(of: entry, after: filter.after, limit: 10_000), head)
    }
    var page = EventPage(nextAfter: filter.after, head: head)
    for position in positions where page.events.count < filter.limit {
      page.nextAfter = position
      let event = try usingLog { () throws(LogFailure) in
        try store.log.event(at: position)
      }
      guard let event, filter.wants(event.fact.kind) else { continue }
      page.events.append(event)
    }
    page.hasMore = positions.last.map { $0 > page.nextAfter } ?? false || positions.count == 10_000
    if store.isBesideWriter && !page.hasMore { try addTail(of: user, filter, to: &page) }
    return page
  }

  /// Adds the user's events that the tables of a running server do not have yet.
  private func addTail(
    of user: UserID, _ filter: EventFilter, to page: inout EventPage
  ) throws(StoreFailure) {
    var rest = page
    var damage: (Position, RecordDamage)?
    try usingLog { () throws(LogFailure) in
      try store.log.scan(.only, after: max(page.head, filter.after)) { record in
        if rest.events.count == filter.limit {
          rest.hasMore = true
          return .stop
        }
        rest.head = record.position
        rest.nextAfter = record.position
        do throws(RecordDamage) {
          guard try record.user() == user, filter.wants(record.kind) else {
            return .proceed
          }
          rest.events.append(try record.event())
        } catch {
          damage = (record.position, error)
          return .stop
        }
        return .proceed
      }
    }
    if let damage { throw .log(.damaged(at: damage.0, damage.1)) }
    page = rest
  }
}
