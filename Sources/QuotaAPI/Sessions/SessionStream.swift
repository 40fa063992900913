internal import HTTPServer
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// One client that listens to a session: first the history, then whatever happens.
///
/// History is read apart, a piece at a time. What happens meanwhile is kept, so that nothing is missing
/// between the last piece and what is heard from then on.
final class SessionStream {
  /// Reads a piece of history, on a thread of its own where there are such.
  typealias Ask = (
    _ read: @escaping @Sendable () -> HistoryPiece, _ complete: @escaping (HistoryPiece) -> Void
  ) -> Void

  /// Events that are kept while history is read; more are read again.
  private static let maximumHeldCount = 1024

  let session: SessionRef
  private let query: SessionEventQuery
  private let hub: SessionHub
  private let outlet: Outlet
  private var writer = EventStreamWriter()
  private var cursor: SessionCursor
  private var phase = Phase.resting
  private var subscription: SessionHub.SubscriptionID?
  private var interest: SessionHub.InterestID?
  /// The last question that the client was told of since it came.
  private var lastQuestion: ClientEvent?
  /// The question that was repeated before its own event was heard.
  private var unheard: EntryID?

  /// The way to the client, and to those who read for it.
  struct Outlet {
    let send: ([UInt8]) -> Void
    /// Whether so little waits for the client that it may get more history.
    let hasRoom: () -> Bool
    /// Has ``SessionStream/proceed()`` called when there is room.
    let awaitRoom: () -> Void
    let ask: Ask
    let end: () -> Void
  }

  private enum Phase {
    /// The client has to take what it got.
    case resting
    /// A piece of history is being read; with what has happened since. nil: too much.
    case reading(held: [SessionHub.LiveEvent]?)
    /// It hears what happens, behind this position.
    case live(behind: Position)
    case closed
  }

  init(
    _ session: SessionRef, _ query: SessionEventQuery, _ hub: SessionHub, _ outlet: Outlet
  ) {
    self.session = session
    self.query = query
    self.hub = hub
    self.outlet = outlet
    cursor = SessionHistory(of: session, after: query.cursor, hub).cursor
    if query.isInterested { interest = hub.registerInterest(in: session) }
    comment()
  }

  /// Goes on with the history, if it is still to be told and the client takes it.
  func proceed() {
    guard case .resting = phase else { return }
    guard outlet.hasRoom() else { return outlet.awaitRoom() }
    phase = .reading(held: [])
    if subscription == nil {
      subscription = hub.subscribe(to: session) { [unowned self] in happened($0) }
    }
    let history = SessionHistory(of: session, after: cursor, hub)
    outlet.ask({ HistoryPiece(history) }, { [weak self] in self?.take($0) })
  }

  /// Keeps the connection from looking dead.
  func comment() {
    writer.comment()
    outlet.send(writer.take())
  }

  func close() {
    phase = .closed
    if let subscription { hub.unsubscribe(subscription) }
    if let interest { hub.releaseInterest(interest) }
    subscription = nil
    interest = nil
  }
}

extension SessionStream {
  private func take(_ piece: HistoryPiece) {
    guard case .reading(let held) = phase else { return }
    phase = .resting
    for (event, cursor) in piece.events {
      self.cursor = cursor
      tell(event)
    }
    cursor = piece.cursor
    // The status has been sent: the client learns the reason when it comes again.
    if piece.hasFailed { return outlet.end() }
    guard piece.isLast, let held else { return proceed() }
    phase = .live(behind: piece.seen)
    for live in held { hear(live, behind: piece.seen) }
    repeatQuestion()
  }

  private func happened(_ live: SessionHub.LiveEvent) {
    switch phase {
    case .live(let position): hear(live, behind: position)
    case .reading(let held?) where held.count < Self.maximumHeldCount:
      phase = .reading(held: held + [live])
    case .reading: phase = .reading(held: nil)
    case .resting, .closed: break
    }
  }

  /// Tells what has happened, unless history has told it already.
  private func hear(_ live: SessionHub.LiveEvent, behind position: Position) {
    guard live.event.position > position || !live.event.isDurable else { return }
    cursor.serial = live.serial
    if let place = live.event.place { cursor.place = place }
    if let told = unheard, live.event.asks(told) {
      unheard = nil
    } else {
      tell(live.event)
    }
  }

  /// Tells the open question to somebody who was not told of it since coming.
  private func repeatQuestion() {
    let asking: Session?
    do throws(StoreFailure) { asking = try hub.queries.session(session) } catch {
      return outlet.end()
    }
    guard let asking, let request = asking.request, lastQuestion?.asks(request.id) != true else {
      return
    }
    if let event = hub.event(asking: request.id, in: session) { return tell(event) }
    // Asked by a process before this one, or just now and still to be heard.
    tell(.requested(request, in: asking, at: asking.updatedAt))
    unheard = request.id
  }

  private func tell(_ event: ClientEvent) {
    guard query.wants(event, inStream: true) else { return }
    if event.type == SessionHub.requestedType { lastQuestion = event }
    writer.event(id: cursor.text, name: event.type, data: event.json)
    outlet.send(writer.take())
  }
}

/// What a stream tells next of a session's history: about as much as a client may be behind.
struct HistoryPiece: Sendable {
  private static let eventCount = 200
  private static let byteCount = 64 << 10

  private(set) var events: [(event: ClientEvent, cursor: SessionCursor)] = []
  private(set) var cursor: SessionCursor
  private(set) var seen: Position
  /// Whether that was all of it.
  private(set) var isLast = false
  private(set) var hasFailed = false

  init(_ history: SessionHistory) {
    var history = history
    var bytes = 0
    do throws(StoreFailure) {
      while events.count < Self.eventCount, bytes < Self.byteCount {
        guard let event = try history.next() else { break }
        events.append((event, history.cursor))
        bytes += event.json.count
      }
    } catch {
      hasFailed = true
    }
    cursor = history.cursor
    seen = history.seen
    isLast = history.isAtEnd
  }
}
