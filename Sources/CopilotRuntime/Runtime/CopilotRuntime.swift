public import EventLoop
public import HTTPClient
internal import JSON
public import QuotaModel
public import QuotaService
public import Sessions

/// The JSON-RPC endpoint of the session contract: what an SDK takes for the Copilot runtime. Belongs
/// to the loop's thread.
public final class CopilotRuntime {
  let loop: EventLoop
  let desk: CommandDesk
  let hub: SessionHub
  let settings: SessionSettings
  let clock: Clock
  let http: HTTPClient
  var outgoingCalls = OutgoingCalls()
  let parser = RPCMessage.makeParser()
  /// Where long questions are asked; without it they are answered at once, whoever waits meanwhile.
  public var readingDesk: ReadingDesk?
  /// Whose sessions local clients begin; nil: nobody's.
  let localUser: UserID?
  /// Model endpoints that may be called although they are not on the public network.
  let providerHosts: [ServerPattern]
  let limits: RPCLimits
  private var listeners: [Listener] = []
  private var clients: [ObjectIdentifier: RuntimeClient] = [:]
  /// Clients over TCP that have not connected yet.
  private var strangers: Strangers
  private var engines: [SessionRef: SessionEngine] = [:]
  let lifecycle: LifecycleNews
  private lazy var review = RightsReview(of: self)
  private(set) var isDraining = false
  /// Told when a client comes or goes.
  public var onClientCount: ((Int) -> Void)?

  public init(
    on loop: EventLoop, desk: CommandDesk, hub: SessionHub, settings: SessionSettings,
    localUser: UserID? = nil, providerHosts: [ServerPattern] = [],
    limits: RPCLimits = RPCLimits(), clock: @escaping Clock = System.clock
  ) throws(RuntimeFailure) {
    self.loop = loop
    self.desk = desk
    self.hub = hub
    self.settings = settings
    self.localUser = localUser
    self.providerHosts = providerHosts
    self.limits = limits
    strangers = Strangers(limit: limits.strangers)
    lifecycle = LifecycleNews(on: loop, limit: limits.waitingNews)
    self.clock = clock
    do { http = try HTTPClient(on: loop, limits: .ofModelCalls) } catch {
      throw .models(error.description)
    }
    hub.onNews.append { [unowned self] in heard($0) }
    hub.onRightsChanged.append { [unowned self] in endForbidden() }
    hub.onInterestLost = { [unowned self] in engines[$0]?.interestLost() }
    hub.stopTurn = { [unowned self] ref, body in
      guard let engine = engines[ref] else { return body() }
      engine.whenStopped(body)
    }
  }

  /// Ends what a process before this one left under way.
  public func start() {
    desk.submit(Submission(.session(.releaseLostCalls), by: .service)) { _ in }
  }

  /// Listens for SDKs over TCP, where every client has to show a token; answers the port.
  public func listen(host: String, port: UInt16) throws(ListenFailure) -> UInt16 {
    let listener = try Listener(on: loop, host: host, port: port) { [unowned self] socket in
      accept(socket, isTCP: true)
    }
    listeners.append(listener)
    return listener.port
  }

  /// Listens for processes of the same system user, who need no token.
  public func listen(path: String) throws(UnixSocketFailure) {
    listeners.append(
      try Listener(on: loop, unixPath: path) { [unowned self] socket in
        accept(socket, isTCP: false)
      })
  }

  /// Takes no more clients and begins no more turns. When no model is being called any more, or the
  /// time is over, lets those go whose requests are answered, and calls `body`.
  public func drain(deadlineSeconds: Int, _ body: @escaping () -> Void) {
    isDraining = true
    listeners = []
    letGo(tries: deadlineSeconds * 1000 / Self.drainStepMilliseconds, body)
  }

  /// How often to look whether the models have answered.
  private static let drainStepMilliseconds = 50

  private func letGo(tries: Int, _ body: @escaping () -> Void) {
    let again = { [unowned self] in letGo(tries: tries - 1, body) }
    let step = Self.drainStepMilliseconds
    if isCallingModels, tries > 0, (try? loop.schedule(after: step, again)) != nil { return }
    for client in clients.values { client.connection.finish() }
    body()
  }

  /// Whether anything is being used that is not recorded yet.
  public var isCallingModels: Bool { engines.values.contains { $0.isSpending } }

  private func accept(_ socket: consuming Socket, isTCP: Bool) {
    guard isTCP ? hasRoom : socket.isPeerTrusted else { return }
    let address = socket.peerAddress
    do throws(EventLoopFailure) {
      let connection = try RPCConnection(
        socket, on: loop, isTCP: isTCP, parser: parser, limits: limits)
      let client = RuntimeClient(connection, of: self, isLocal: !isTCP)
      connection.readApart = { [unowned self, weak client] read, complete in
        if let client { readApart(for: client, read, complete) }
      }
      clients[ObjectIdentifier(client)] = client
      if isTCP { try expect(client, from: address) }
      onClientCount?(clients.count)
    } catch {
      return
    }
  }

  /// Whether there may be another client over TCP.
  private var hasRoom: Bool {
    let count = clients.values.reduce(0) { $0 + ($1.isLocal ? 0 : 1) }
    return count < min(limits.connections, OpenFiles.limit / 4)
  }

  /// Sees to it that a client shows who it is, before long.
  private func expect(
    _ client: RuntimeClient, from address: PeerAddress?
  ) throws(EventLoopFailure) {
    let id = ObjectIdentifier(client)
    if let oldest = strangers.add(id, from: address) { clients[oldest]?.connection.abort() }
    try loop.schedule(after: limits.connectSeconds * 1000) { [weak client] in
      guard let client, client.identity == nil else { return }
      client.connection.abort()
    }
  }

  /// Whether a user may have one more connection.
  func hasRoom(for client: RuntimeClient, as identity: RuntimeClient.Identity) -> Bool {
    guard !client.isLocal, let user = identity.user else { return true }
    let others = clients.values.count { $0 !== client && $0.identity?.user == user }
    return others < limits.connectionsPerUser
  }

  /// A client has shown who it is.
  func admit(_ client: RuntimeClient) {
    strangers.remove(ObjectIdentifier(client))
    lifecycle.admit(client)
    client.connection.admit()
    client.connection.lane = TurnShares.Lane(number: client.identity?.user?.low ?? 0)
  }

  /// Has a long frame read apart, where there are threads for it.
  private func readApart(
    for client: RuntimeClient, _ read: @escaping @Sendable () -> RPCMessage,
    _ complete: @escaping (RPCMessage) -> Void
  ) {
    guard let readingDesk else { return loop.runAfterCallback { complete(read()) } }
    // One at a time for each connection: there cannot be too many of them.
    readingDesk.askPatiently(for: client.identity?.user, read, complete)
  }

  func forget(_ client: RuntimeClient) {
    strangers.remove(ObjectIdentifier(client))
    lifecycle.forget(client)
    for ref in client.attachments.keys { detach(client, from: ref) }
    clients[ObjectIdentifier(client)] = nil
    onClientCount?(clients.count)
  }

  public var clientCount: Int { clients.count }

  /// What a client may do here by what it showed when it connected.
  enum Right { case none, reading, changing }

  /// Where it cannot be read it stays as it was.
  func right(of identity: RuntimeClient.Identity?) -> Right {
    guard let token = identity?.token else { return .changing }
    guard let found = try? hub.queries.identify(token, at: clock()) else { return .changing }
    guard case .user(identity?.user, let role, _) = found else { return .none }
    return role.mayChangeSessions ? .changing : .reading
  }

  /// Whether a client may still send messages, answer questions and be given model calls.
  func mayChange(_ identity: RuntimeClient.Identity?) -> Bool { right(of: identity) == .changing }

  /// Closes the connections of clients whose rights have ended, and gives up what they wanted and has not
  /// begun: no event goes to them any more, and no model call. Whoever may only read any more keeps
  /// hearing.
  public func endForbidden() { review.begin(clients, engines.values) }

  func mayBeTold(_ client: RuntimeClient) -> Bool { review.mayBeTold(client) }
}

extension HTTPClientLimits {
  /// A turn has time limits of its own, for either route.
  fileprivate static var ofModelCalls: HTTPClientLimits {
    var limits = HTTPClientLimits()
    limits.exchanges = OutgoingCalls.maximumCount
    limits.silenceMilliseconds = 86_400_000 + 60_000
    limits.wholeMilliseconds = limits.silenceMilliseconds
    return limits
  }
}

/// Why the endpoint cannot start.
public enum RuntimeFailure: Error, CustomStringConvertible {
  case models(String)

  public var description: String {
    switch self {
    case .models(let text): "models cannot be called: \(text)"
    }
  }
}

// MARK: - Sessions

extension CopilotRuntime {
  /// The running part of a session, made when first asked for.
  func engine(of session: Session) -> SessionEngine {
    if let engine = engines[session.ref] { return engine }
    let engine = SessionEngine(session, of: self)
    engines[session.ref] = engine
    return engine
  }

  func engine(_ ref: SessionRef) -> SessionEngine? { engines[ref] }

  /// Has a client hear what happens in a session from now on; once, however often it asks.
  ///
  /// One that has gone meanwhile hears nothing, and nobody would ever detach it.
  func attach(_ client: RuntimeClient, to session: Session, behind position: Position = .zero) {
    guard client.connection.isOpen else { return releaseIfIdle(session.ref) }
    let engine = engine(of: session)
    engine.clients[ObjectIdentifier(client)] = client
    guard client.attachments[session.ref] == nil else { return }
    let id = session.id.description
    let subscription = hub.subscribe(to: session.ref, behind: position) { [weak client] live in
      client?.send(live.event.json, of: id)
    }
    client.attachments[session.ref] = RuntimeClient.Attachment(subscription: subscription)
  }

  func detach(_ client: RuntimeClient, from ref: SessionRef) {
    guard let attachment = client.attachments.removeValue(forKey: ref) else { return }
    hub.unsubscribe(attachment.subscription)
    engines[ref]?.clients[ObjectIdentifier(client)] = nil
    client.releaseInterests(in: ref)
    releaseIfIdle(ref)
  }

  /// Everybody who is attached to a session.
  func clients(of ref: SessionRef) -> [RuntimeClient] {
    engines[ref].map { Array($0.clients.values) } ?? []
  }

  func detachAll(from ref: SessionRef) {
    for client in clients(of: ref) where client.attachments[ref]?.resumptionCount == 0 {
      detach(client, from: ref)
    }
    releaseIfIdle(ref)
  }

  /// A session that nobody is attached to and in which nothing runs costs nothing.
  func releaseIfIdle(_ ref: SessionRef) {
    if let engine = engines[ref], engine.clients.isEmpty, engine.isIdle { engines[ref] = nil }
  }

  private func heard(_ news: SessionNews) {
    let ref = news.session.ref
    if news.fact == nil {
      lifecycle.tell(.created, news.session)
    } else if news.fact == .deleted {
      lifecycle.tell(.deleted, news.session)
    } else {
      lifecycle.noteUpdate(of: news.session)
    }
    engines[ref]?.heard(news)
    if news.session.phase == .deleted { detachAll(from: ref) }
    if news.fact?.freesReservation == true, let budget = news.session.budget {
      for engine in engines.values where engine.session.budget == budget { engine.roomMayBeFree() }
    }
  }
}

extension SessionFact {
  /// Whether a call ended, so that another may find room.
  var freesReservation: Bool {
    switch self {
    case .usageRecorded, .callEnded: true
    case .resumed, .limitChanged, .modelChanged, .messageReceived, .callAdmitted, .callExtended,
      .messageAnswered, .turnEnded, .checkpointed, .exhaustionRequested, .exhaustionAnswered,
      .warned, .optionIgnored, .failed, .aborted, .windowStarted, .closed, .deleted:
      false
    }
  }
}
