internal import HTTPServer
internal import QuotaModel
internal import QuotaService

/// The open streams of events. Belongs to the loop's thread.
///
/// The log is the buffer: a stream has its own place in it, and what a client does not read waits there.
/// Those at the end of the log share one read of what is new.
final class EventFeed {
  /// Between being told of news and looking: under load one look serves many commits.
  private static let pauseMilliseconds = 5
  /// How long streams get their turn before whatever else waits.
  private static let turn = Duration.milliseconds(2)
  /// Events that are read for all at once.
  private static let refillCount = 512

  unowned var outlet: (any StreamOutlet)?
  /// Has something done in a later turn of the loop, after so many milliseconds; false where that cannot
  /// be. The next look is then the next that anybody asks for.
  var runLater: (Int, @escaping () -> Void) -> Bool = { _, _ in false }
  /// Told when events were read by which rights have changed, before anybody is told of them.
  var rightsChanged: () -> Void = {}
  private let queries: Queries
  private var listeners: [StreamHandle: FeedListener] = [:]
  /// nil while nobody listens.
  private var recent: RecentEvents?
  private var ready: [StreamHandle] = []
  private var isTurnDue = false
  private var isLookDue = false

  init(_ queries: Queries) { self.queries = queries }

  var count: Int { listeners.count }

  /// Begins to tell what lies behind `position`. A client that did not choose where it begins is told, so
  /// that it misses nothing when its connection breaks before the first event.
  func begin(
    _ handle: StreamHandle, _ interest: EventInterest, behind position: Position,
    isChosen: Bool, whileAllowed isAllowed: @escaping () -> Bool
  ) throws(StoreFailure) {
    if recent == nil { recent = RecentEvents(behind: try queries.head()) }
    listeners[handle] = FeedListener(handle, interest, behind: position, whileAllowed: isAllowed)
    let greeting = isChosen ? FeedPiece.signOfLife : FeedPiece.progress(to: position)
    outlet?.write(greeting, to: handle)
    makeReady(handle)
  }

  /// Something may have been appended. Costs next to nothing, so it may be called for every commit.
  func noteNews() {
    guard !listeners.isEmpty, !isLookDue else { return }
    isLookDue = runLater(Self.pauseMilliseconds) { [unowned self] in
      isLookDue = false
      look()
    }
  }

  /// Looks for news, and tells them. To be called now and then: some events nobody asked for, and the tables
  /// that know whose events they are may have been behind the log.
  func look() {
    guard !listeners.isEmpty else { return }
    makeAllReady()
    takeTurn()
  }

  /// The client has taken what it got.
  func proceed(_ handle: StreamHandle) {
    guard let listener = listeners[handle] else { return }
    listener.hasRoom()
    makeReady(handle)
  }

  func keepAlive() {
    // Tokens expire without anybody doing anything.
    endForbidden()
    guard let outlet else { return }
    for listener in listeners.values where !listener.isWaiting { listener.keepAlive(to: outlet) }
  }

  /// Ends the streams of clients whose rights have ended.
  func endForbidden() {
    for (handle, listener) in listeners where !listener.isAllowed() { end(handle) }
  }

  func forget(_ handle: StreamHandle) {
    guard listeners.removeValue(forKey: handle) != nil, listeners.isEmpty else { return }
    recent = nil
    ready = []
  }

  private func end(_ handle: StreamHandle) {
    forget(handle)
    outlet?.end(handle)
  }
}

extension EventFeed {
  private func makeReady(_ handle: StreamHandle) {
    ready.append(handle)
    goOnLater()
  }

  private func goOnLater() {
    guard !isTurnDue else { return }
    isTurnDue = runLater(0) { [unowned self] in
      isTurnDue = false
      takeTurn()
    }
  }

  private func takeTurn() {
    do throws(StoreFailure) {
      let mayHaveMore = try refill()
      serveReady()
      if mayHaveMore || !ready.isEmpty { goOnLater() }
    } catch {
      // The status has been sent: clients learn the reason when they come again.
      for handle in listeners.keys { end(handle) }
    }
  }

  /// Reads what is new for all of them; answers whether there may be more of it.
  private func refill() throws(StoreFailure) -> Bool {
    guard let end = recent?.end, try queries.head() > end else { return false }
    var filter = EventFilter()
    filter.after = end
    filter.limit = Self.refillCount
    let page = try queries.events(filter)
    let events = try mayBeTold(page.events)
    for event in events { recent?.append(FeedEvent(event)) }
    makeAllReady()
    return page.hasMore && events.count == page.events.count
  }

  /// As many of the events as may be told now: the log has one that takes a right away a moment before this
  /// thread is told of it. What comes behind one that the tables do not have yet waits for them.
  private func mayBeTold(_ events: [Event]) throws(StoreFailure) -> ArraySlice<Event> {
    guard events.contains(where: \.fact.changesRights) else { return events[...] }
    let folded = try queries.system().position
    rightsChanged()
    endForbidden()
    return events.prefix { $0.position <= folded || !$0.fact.changesRights }
  }

  private func makeAllReady() {
    let known = Set(ready)
    for (handle, listener) in listeners where !listener.isWaiting && !known.contains(handle) {
      ready.append(handle)
    }
  }

  private func serveReady() {
    let end = ContinuousClock.now + Self.turn
    var served = 0
    var goingOn: [StreamHandle] = []
    for handle in ready {
      served += 1
      if serve(handle) { goingOn.append(handle) }
      if ContinuousClock.now >= end { break }
    }
    // Ending the last of them has emptied the list.
    ready.removeFirst(min(served, ready.count))
    ready += goingOn
  }

  /// Serves one stream; true where there is more for it.
  private func serve(_ handle: StreamHandle) -> Bool {
    guard let outlet, let recent, let listener = listeners[handle], !listener.isWaiting else {
      return false
    }
    do throws(StoreFailure) {
      return try listener.proceed(recent, queries, to: outlet) == .goesOn
    } catch {
      end(handle)
      return false
    }
  }
}
