internal import CCurl
public import EventLoop

/// Sends HTTP/1.1 requests to other servers from the loop's thread, which never waits for them.
///
/// It belongs to that thread: it is made, used and released there. Connections are kept for later
/// requests to the same server. Redirects are not followed, proxies and other settings from the
/// environment are not looked at, certificates are always verified. Released, it gives up what is
/// under way without telling.
public final class HTTPClient {
  private let loop: EventLoop
  private let limits: HTTPClientLimits
  private let authoritiesFile: String?
  private let multi: MultiHandle
  private var transfers: [EasyHandle.ID: Transfer] = [:]
  private var noted: [Transfer] = []

  /// - Parameter authoritiesFile: certificates (PEM) to trust in place of the system's.
  public init(
    on loop: EventLoop, limits: HTTPClientLimits = HTTPClientLimits(),
    authoritiesFile: String? = nil
  ) throws(HTTPClientFailure) {
    self.loop = loop
    self.limits = limits
    self.authoritiesFile = authoritiesFile
    multi = try MultiHandle(on: loop, idleConnections: limits.idleConnections)
    multi.onAction = { [weak self] in self?.settle() }
  }

  deinit {
    for transfer in transfers.values {
      transfer.fallSilent()
      release(transfer)
    }
  }

  /// Starts a request; `onEvent` is called on the loop, never before this has returned.
  ///
  /// From within `onEvent` anything here may be called. It is let go of with the last event. A
  /// connection that was kept and turns out to have ended is replaced once, before any answer.
  @discardableResult
  public func send(
    _ request: OutgoingRequest, _ onEvent: @escaping (ResponseEvent) -> Void
  ) throws(HTTPClientFailure) -> Exchange {
    guard transfers.count < limits.exchanges else { throw .tooManyExchanges }
    let rules = try RequestRules(request)
    let easy = try EasyHandle()
    try easy.prepare(request, rules, limits: limits, authoritiesFile: authoritiesFile)
    let transfer = try Transfer(
      easy, of: self, to: rules.destination(of: request), limits, onEvent)
    try multi.add(easy)
    transfers[easy.id] = transfer
    do throws(EventLoopFailure) {
      try transfer.startTimers(on: loop)
    } catch {
      drop(transfer)
      throw .loop(error)
    }
    return Exchange(transfer)
  }

  /// How many requests are under way.
  public var exchangeCount: Int { transfers.count }
}

extension HTTPClient {
  /// Has this transfer tell its news as soon as libcurl has returned.
  func note(_ transfer: Transfer) { noted.append(transfer) }

  /// Ends a transfer without telling anybody; nothing happens if it has ended.
  func drop(_ transfer: Transfer) {
    guard let easy = transfer.easy else { return }
    transfers[easy.id] = nil
    release(transfer)
  }

  /// Ends a transfer and tells why.
  func fail(_ transfer: Transfer, _ failure: HTTPClientFailure) {
    drop(transfer)
    transfer.end(failure)
    tellNews()
  }

  private func release(_ transfer: Transfer) {
    guard let easy = transfer.easy else { return }
    multi.remove(easy)
    transfer.release()
  }

  /// libcurl has returned: takes up what ended, and tells what has come.
  private func settle() {
    while let (id, code) = multi.nextEnded() {
      guard let transfer = transfers[id] else { continue }
      drop(transfer)
      transfer.end(HTTPClientFailure(code))
    }
    if let failure = multi.failure { endAll(.loop(failure)) }
    tellNews()
  }

  private func endAll(_ failure: HTTPClientFailure) {
    for transfer in transfers.values {
      drop(transfer)
      transfer.end(failure)
    }
  }

  private func tellNews() {
    while !noted.isEmpty {
      let transfers = noted
      noted = []
      for transfer in transfers { transfer.tell() }
    }
  }
}
