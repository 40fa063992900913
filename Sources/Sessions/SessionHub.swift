public import JSON
public import QuotaModel
public import QuotaService

/// Where everybody who listens to sessions hears what happens in them. Belongs to the loop's thread.
public final class SessionHub {
  /// An event on its way to listeners, with its place in the order in which they hear.
  public struct LiveEvent: Sendable {
    public let event: ClientEvent
    public let serial: UInt64
  }

  public struct SubscriptionID: Hashable, Sendable {
    let session: SessionRef
    let number: UInt64
  }

  public struct InterestID: Hashable, Sendable {
    let session: SessionRef
    let number: UInt64
  }

  private struct Subscriber {
    let position: Position
    let hear: (LiveEvent) -> Void
  }

  public let queries: Queries
  /// Told of everything, after the listeners of the session.
  public var onNews: [(SessionNews) -> Void] = []
  /// Told when rights have changed: whoever lets somebody in for longer than one answer asks again.
  public var onRightsChanged: [() -> Void] = []
  /// Told when nobody is left who would answer a session's question.
  public var onInterestLost: ((SessionRef) -> Void)?
  /// Ends what runs in a session, and then calls the body; set by whoever runs turns.
  public var stopTurn: ((SessionRef, @escaping () -> Void) -> Void)?

  private var subscribers: [SessionRef: [UInt64: Subscriber]] = [:]
  private var interests: [SessionRef: Set<UInt64>] = [:]
  private var recent = RecentEvents()
  private var nextNumber: UInt64 = 1
  private var serial: UInt64 = 0
  /// Nothing that is still to be told happened before this. The clock is ahead of what is being written.
  public private(set) var moment = Moment(microseconds: 0)
  /// Tells cursors of this process from those of one before.
  public let epoch = System.randomEntry().low

  public init(_ queries: Queries) { self.queries = queries }

  /// Passes on what the log has taken, in its order.
  public func deliver(_ news: [SessionNews]) {
    for item in news {
      moment = item.event.recordedAt
      for event in SessionNarrator.events(of: item) { pass(event, in: item.session.ref) }
      for observer in onNews { observer(item) }
    }
  }

  /// To be called for every batch of commands that changed who may do what, before its news.
  public func noteRightsChanged() { for observer in onRightsChanged { observer() } }

  /// Shows an event that is not kept.
  @discardableResult
  public func show(
    _ type: String, in session: Session, _ data: (inout JSONWriter) -> Void
  ) -> ClientEvent {
    let event = EnvelopeWriter.ephemeral(
      type, id: System.randomEntry(), behind: session.lastEvent, in: session,
      at: max(moment, session.updatedAt), position: session.lastEvent.position, data)
    pass(event, in: session.ref)
    return event
  }

  private func pass(_ event: ClientEvent, in session: SessionRef) {
    serial += 1
    let live = LiveEvent(event: event, serial: serial)
    if !event.isDurable { recent.add(live, of: session) }
    guard let listening = subscribers[session] else { return }
    for number in listening.keys.sorted() {
      guard let subscriber = listening[number],
        event.position > subscriber.position || !event.isDurable
      else { continue }
      subscriber.hear(live)
    }
  }

  /// Has `hear` called with every event from now on, but for those of the log up to `position`.
  public func subscribe(
    to session: SessionRef, behind position: Position = .zero,
    _ hear: @escaping (LiveEvent) -> Void
  ) -> SubscriptionID {
    nextNumber += 1
    subscribers[session, default: [:]][nextNumber] = Subscriber(position: position, hear: hear)
    return SubscriptionID(session: session, number: nextNumber)
  }

  public func unsubscribe(_ id: SubscriptionID) {
    subscribers[id.session]?[id.number] = nil
    if subscribers[id.session]?.isEmpty == true { subscribers[id.session] = nil }
  }

  public func hasSubscribers(_ session: SessionRef) -> Bool { subscribers[session] != nil }

  /// Says that somebody will answer when the cap is reached.
  public func registerInterest(in session: SessionRef) -> InterestID {
    nextNumber += 1
    interests[session, default: []].insert(nextNumber)
    return InterestID(session: session, number: nextNumber)
  }

  public func releaseInterest(_ id: InterestID) {
    guard interests[id.session]?.remove(id.number) != nil else { return }
    guard interests[id.session]?.isEmpty == true else { return }
    interests[id.session] = nil
    onInterestLost?(id.session)
  }

  /// Calls `body` as soon as nothing runs in the session any more.
  public func whenStopped(_ session: SessionRef, _ body: @escaping () -> Void) {
    guard let stopTurn else { return body() }
    stopTurn(session, body)
  }

  public func hasInterest(_ session: SessionRef) -> Bool { interests[session] != nil }

  /// Events that are not kept and were shown behind a place, as far as they are remembered.
  public func recentEvents(of session: SessionRef, after serial: UInt64) -> [LiveEvent] {
    recent.events(of: session, after: serial)
  }

  /// Where the next event comes behind.
  public var latestSerial: UInt64 { serial }
}

/// Events that are not kept, the latest of all sessions; older ones make room.
private struct RecentEvents {
  private static let maximumCount = 8192
  private static let maximumByteCount = 4 << 20

  private var events: [(session: SessionRef, live: SessionHub.LiveEvent)] = []
  private var first = 0
  private var byteCount = 0

  mutating func add(_ live: SessionHub.LiveEvent, of session: SessionRef) {
    events.append((session, live))
    byteCount += live.event.json.count
    while events.count - first > Self.maximumCount || byteCount > Self.maximumByteCount {
      byteCount -= events[first].live.event.json.count
      first += 1
    }
    // What was dropped holds its memory until here: one event may be as large as all others.
    guard first > events.count / 2 else { return }
    events.removeFirst(first)
    first = 0
  }

  func events(of session: SessionRef, after serial: UInt64) -> [SessionHub.LiveEvent] {
    events[first...].filter { $0.session == session && $0.live.serial > serial }.map(\.live)
  }
}
