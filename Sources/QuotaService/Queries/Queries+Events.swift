internal import EventLog
internal import Projections
public import QuotaModel

/// Which events somebody wants to see.
public struct EventFilter: Hashable, Sendable {
  public var after = Position.zero
  public var limit = 100
  public var user: UserID?
  /// Only those that began this session or happened in it.
  public var session: SessionRef?
  /// The last position of interest.
  public var until = Position(.max)
  /// nil: of every kind.
  public var kinds: Set<EventKind>?
  /// Events that a search looks at before it answers with what it has.
  public var maximumScanCount = 200_000
  /// Those that an index knows are looked up one by one.
  fileprivate var maximumLookCount: Int { min(10_000, maximumScanCount) }

  public init() {}

  fileprivate func wants(_ kind: EventKind) -> Bool { kinds?.contains(kind) ?? true }
}

/// A page of events.
public struct EventPage: Sendable {
  public var events: [Event] = []
  /// Where the next page starts; everything up to here has been looked at.
  public var nextAfter: Position
  public var hasMore = false
  /// The position that the page is true for: whatever fits the filter up to here is in this page or the
  /// ones before and behind it.
  public var head: Position
}

extension Queries {
  /// The last position of the log.
  public func head() throws(StoreFailure) -> Position {
    try usingLog(store.log.head())
  }

  /// The events behind a position that fit the filter, in order.
  ///
  /// A page may have fewer than `limit` events and still `hasMore`: a rare kind in a long log is
  /// searched in steps.
  public func events(_ filter: EventFilter) throws(StoreFailure) -> EventPage {
    if let session = filter.session { return try events(of: session, filter) }
    if let user = filter.user { return try events(of: user, filter) }
    var page = EventPage(nextAfter: filter.after, head: .zero)
    var looked = 0
    try usingLog(
      store.log.scan(after: filter.after) { (record) throws(RecordDamage) in
        if page.events.count == filter.limit || looked == filter.maximumScanCount
          || record.position > filter.until
        {
          return .stop
        }
        looked += 1
        page.nextAfter = record.position
        if filter.wants(record.kind) { page.events.append(try record.event()) }
        return .proceed
      })
    // Asked for last, so that nothing in the page lies behind it.
    page.head = try head()
    page.hasMore = page.nextAfter < min(page.head, filter.until)
    return page
  }

  private func events(
    of session: SessionRef, _ filter: EventFilter
  ) throws(StoreFailure) -> EventPage {
    let (positions, head) = try reading { (snapshot) throws(ProjectionFailure) in
      let entries = try snapshot.events(
        of: session, after: filter.after, limit: filter.maximumLookCount)
      return (entries.map(\.position), try snapshot.storedState().position)
    }
    return try page(of: positions, filter, head: head)
  }

  private func events(
    of user: UserID, _ filter: EventFilter
  ) throws(StoreFailure) -> EventPage {
    let (positions, head) = try reading { (snapshot) throws(ProjectionFailure) in
      let head = try snapshot.state().position
      guard let entry = try snapshot.account(user) else { return ([Position](), head) }
      let positions = try snapshot.history(
        of: entry, after: filter.after, limit: filter.maximumLookCount)
      return (positions, head)
    }
    var page = try page(of: positions, filter, head: head)
    // The log may be ahead of what is folded; whoever asks up to a position asks about all of it.
    let wantsTail = store.isBesideWriter || filter.until < Position(.max)
    if wantsTail && page.head < filter.until && !page.hasMore {
      try addTail(of: user, filter, to: &page)
    }
    return page
  }

  /// The events at positions from an index, which has no more of them where it has not filled a page.
  private func page(
    of positions: [Position], _ filter: EventFilter, head: Position
  ) throws(StoreFailure) -> EventPage {
    let wanted = positions.prefix { $0 <= filter.until }
    var page = EventPage(nextAfter: filter.after, head: head)
    for position in wanted where page.events.count < filter.limit {
      page.nextAfter = position
      let event = try usingLog(store.log.event(at: position))
      guard let event, filter.wants(event.fact.kind),
        filter.user.map({ $0 == event.fact.user }) ?? true
      else { continue }
      page.events.append(event)
    }
    let isWhole = positions.count < filter.maximumLookCount || wanted.count < positions.count
    page.hasMore = !isWhole || wanted.last.map { $0 > page.nextAfter } ?? false
    return page
  }

  /// Adds the user's events that the log has and the projection does not have yet.
  private func addTail(
    of user: UserID, _ filter: EventFilter, to page: inout EventPage
  ) throws(StoreFailure) {
    var rest = page
    try usingLog(
      store.log.scan(after: max(page.head, filter.after)) { (record) throws(RecordDamage) in
        if record.position > filter.until { return .stop }
        if rest.events.count == filter.limit {
          rest.hasMore = true
          return .stop
        }
        rest.head = record.position
        rest.nextAfter = record.position
        if try record.user() == user, filter.wants(record.kind) {
          rest.events.append(try record.event())
        }
        return .proceed
      })
    page = rest
  }
}
