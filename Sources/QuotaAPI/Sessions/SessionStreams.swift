internal import HTTPServer
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// The open event streams of sessions. Belongs to the loop's thread.
final class SessionStreams {
  /// Bytes that may wait for a client that reads history; further events are left where they are.
  private static let historyPendingByteCount = 128 << 10

  unowned var server: HTTPServer?
  private let hub: SessionHub
  private var streams: [StreamHandle: Listener] = [:]

  /// A stream, and whether its client may still listen.
  private struct Listener {
    let stream: SessionStream
    let isAllowed: () -> Bool
  }

  init(_ hub: SessionHub) {
    self.hub = hub
    hub.onNews.append { [unowned self] news in
      if case .session(let ref, .deleted) = news.event.fact { endAll(of: ref) }
    }
  }

  func begin(
    _ handle: StreamHandle, of session: SessionRef, _ query: SessionEventQuery,
    whileAllowed isAllowed: @escaping () -> Bool
  ) {
    let stream = SessionStream(session, query, hub) { [unowned self] piece in
      server?.write(piece, to: handle)
    }
    streams[handle] = Listener(stream: stream, isAllowed: isAllowed)
    proceed(handle)
  }

  /// Goes on with the history: the client has taken what it got.
  func proceed(_ handle: StreamHandle) {
    guard let stream = streams[handle]?.stream else { return }
    do throws(StoreFailure) {
      let isLive = try stream.proceed { [server] in
        (server?.pendingBytes(handle) ?? 0) < Self.historyPendingByteCount
      }
      if !isLive { server?.notifyWhenSent(handle) }
    } catch {
      // The status has been sent: the client learns the reason when it comes again.
      end(handle)
    }
  }

  func keepAlive() {
    // Tokens expire without anybody doing anything.
    endForbidden()
    for listener in streams.values { listener.stream.comment() }
  }

  /// Ends the streams of clients whose rights have ended.
  func endForbidden() {
    for (handle, listener) in streams where !listener.isAllowed() { end(handle) }
  }

  func forget(_ handle: StreamHandle) {
    streams.removeValue(forKey: handle)?.stream.close()
  }

  private func endAll(of session: SessionRef) {
    for (handle, listener) in streams where listener.stream.session == session { end(handle) }
  }

  private func end(_ handle: StreamHandle) {
    forget(handle)
    server?.end(handle)
  }
}

/// One client that listens to a session: first the history, then whatever happens.
final class SessionStream {
  let session: SessionRef
  private let query: SessionEventQuery
  private let hub: SessionHub
  private let send: ([UInt8]) -> Void
  private var writer = EventStreamWriter()
  private var cursor: SessionCursor
  private var history: SessionHistory
  private var subscription: SessionHub.SubscriptionID?
  private var interest: SessionHub.InterestID?
  /// The last question that the client was told of since it came.
  private var lastQuestion: ClientEvent?
  /// The question that was repeated before its own event was heard.
  private var unheard: EntryID?

  init(
    _ session: SessionRef, _ query: SessionEventQuery, _ hub: SessionHub,
    _ send: @escaping ([UInt8]) -> Void
  ) {
    self.session = session
    self.query = query
    self.hub = hub
    self.send = send
    history = SessionHistory(of: session, after: query.cursor, hub)
    cursor = history.cursor
    if query.isInterested { interest = hub.registerInterest(in: session) }
    comment()
  }

  /// Tells history while the client takes it; true when it hears what happens from now on.
  func proceed(while hasRoom: () -> Bool) throws(StoreFailure) -> Bool {
    guard subscription == nil else { return true }
    var isFresh = false
    while true {
      while hasRoom() {
        guard let event = try history.next() else { break }
        cursor = history.cursor
        tell(event)
      }
      guard hasRoom() else { return false }
      // Only a history that was read just now has no gap to what comes.
      if isFresh { break }
      history = SessionHistory(of: session, after: cursor, hub)
      isFresh = true
    }
    try listen()
    return true
  }

  /// Keeps the connection from looking dead.
  func comment() {
    writer.comment()
    send(writer.take())
  }

  func close() {
    if let subscription { hub.unsubscribe(subscription) }
    if let interest { hub.releaseInterest(interest) }
    subscription = nil
    interest = nil
  }

  private func listen() throws(StoreFailure) {
    subscription = hub.subscribe(to: session, behind: history.seen) { [unowned self] live in
      cursor.serial = live.serial
      if let place = live.event.place { cursor.place = place }
      hear(live.event)
    }
    try repeatQuestion()
  }

  /// Tells the open question to somebody who was not told of it since coming.
  private func repeatQuestion() throws(StoreFailure) {
    guard let asking = try hub.queries.session(session), let request = asking.request else {
      return
    }
    if lastQuestion?.asks(request.id) == true { return }
    if let event = hub.event(asking: request.id, in: session) { return tell(event) }
    // Asked by a process before this one, or just now and still to be heard.
    tell(.requested(request, in: asking, at: asking.updatedAt))
    unheard = request.id
  }

  private func hear(_ event: ClientEvent) {
    if let told = unheard, event.asks(told) {
      unheard = nil
    } else {
      tell(event)
    }
  }

  private func tell(_ event: ClientEvent) {
    guard query.wants(event, inStream: true) else { return }
    if event.type == SessionHub.requestedType { lastQuestion = event }
    writer.event(id: cursor.text, name: event.type, data: event.json)
    send(writer.take())
  }
}
