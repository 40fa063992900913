internal import HTTPServer
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// The open event streams of sessions. Belongs to the loop's thread.
final class SessionStreams {
  /// Bytes that may wait for a client that reads history; further events are left where they are.
  private static let historyPendingByteCount = 128 << 10

  unowned var server: HTTPServer?
  /// Where history is read; without it that is done at once, whoever waits meanwhile.
  var readingDesk: ReadingDesk?
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

  /// Begins to tell a session; its history is read in `user`'s turns.
  func begin(
    _ handle: StreamHandle, of session: SessionRef, _ query: SessionEventQuery, for user: UserID,
    whileAllowed isAllowed: @escaping () -> Bool
  ) {
    let outlet = SessionStream.Outlet(
      send: { [unowned self] in server?.write($0, to: handle) },
      hasRoom: { [unowned self] in
        (server?.pendingBytes(handle) ?? 0) < Self.historyPendingByteCount
      },
      awaitRoom: { [unowned self] in server?.notifyWhenSent(handle) },
      ask: { [unowned self] in ask($0, $1, for: user) },
      end: { [unowned self] in end(handle) })
    let stream = SessionStream(session, query, hub, outlet)
    streams[handle] = Listener(stream: stream, isAllowed: isAllowed)
    stream.proceed()
  }

  /// Goes on with the history: the client has taken what it got.
  func proceed(_ handle: StreamHandle) { streams[handle]?.stream.proceed() }

  private func ask(
    _ read: @escaping @Sendable () -> HistoryPiece, _ complete: @escaping (HistoryPiece) -> Void,
    for user: UserID
  ) {
    guard let readingDesk else { return complete(read()) }
    // One at a time for each stream: there cannot be too many of them.
    readingDesk.askPatiently(for: user, read, complete)
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
