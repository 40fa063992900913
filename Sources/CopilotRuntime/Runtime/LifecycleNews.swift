internal import EventLoop
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Tells clients which sessions come, change and go, in slices: one change may concern thousands of clients, and
/// thousands of changes one.
final class LifecycleNews: TurnTaker {
  /// How long one word about a session's changes waits for more of them: everybody who may see the session
  /// gets it, which a busy one would make dear.
  private static let updateMilliseconds = 200
  /// Clients that are written to before others get their turn: each costs a call of the kernel.
  private static let clientsPerSlice = 64

  enum Change: String {
    case created = "session.created"
    case updated = "session.updated"
    case deleted = "session.deleted"
  }

  /// One change on its way to those who may see the session.
  private struct Notice {
    let body: [UInt8]
    var clients: [RuntimeClient]
  }

  private let loop: EventLoop
  private let lane = TurnShares.Lane.house
  private var audience = Audience()
  /// What is told next; the last one first.
  private var notices: [Notice] = []
  private var laterNotices: [Notice] = []
  /// Sessions that were written to and of which that is not told yet, as they are now.
  private var updated: [SessionRef: Session] = [:]
  /// The same in the order of their first changes: those whose time has come, the last one first, and the others.
  private var due: [SessionRef] = []
  private var coming: [SessionRef] = []
  private var isTimerSet = false
  private var isWaiting = false

  init(on loop: EventLoop) { self.loop = loop }

  /// A client has shown who it is.
  func admit(_ client: RuntimeClient) { audience.add(client) }

  func forget(_ client: RuntimeClient) { audience.remove(client) }

  /// Tells it soon, together with what follows.
  func noteUpdate(of session: Session) {
    guard !audience.isEmpty else { return }
    guard updated.updateValue(session, forKey: session.ref) == nil else { return }
    coming.append(session.ref)
    if !isTimerSet { tellLater() }
  }

  func tell(_ change: Change, _ session: Session) {
    if change == .deleted, let last = updated.removeValue(forKey: session.ref) {
      add(.updated, last)
    }
    add(change, session)
    goOn()
  }

  private func tellLater() {
    let timer = try? loop.schedule(after: Self.updateMilliseconds) { [weak self] in
      self?.tellUpdates()
    }
    isTimerSet = timer != nil
    guard timer == nil else { return }
    due = coming.reversed() + due
    coming = []
    goOn()
  }

  /// Whoever waits to be told of the last updates gets one word for all that happens meanwhile.
  private func tellUpdates() {
    isTimerSet = false
    guard due.isEmpty else { return tellLater() }
    due = coming.reversed()
    coming = []
    goOn()
  }

  private func add(_ change: Change, _ session: Session) {
    let clients = audience.clients(seeing: session)
    guard !clients.isEmpty else { return }
    laterNotices.append(Notice(body: Self.body(change, session), clients: clients))
  }

  private func goOn() {
    guard !isWaiting else { return }
    if loop.shares.begin(in: lane) { takeTurn() } else { waitForTurn() }
  }

  private func waitForTurn() {
    isWaiting = true
    loop.shares.wait(self, in: lane)
  }

  func takeTurn() {
    isWaiting = false
    var told: [ObjectIdentifier: RuntimeClient] = [:]
    while hasMore, told.count < Self.clientsPerSlice, !loop.shares.isSliceOver {
      guard let client = tellNext() else { continue }
      told[ObjectIdentifier(client)] = client
    }
    // What is sent at the end of the turn nobody would have counted.
    for client in told.values { client.connection.sendNow() }
    if hasMore { waitForTurn() }
  }

  private var hasMore: Bool { !notices.isEmpty || !laterNotices.isEmpty || !due.isEmpty }

  /// Tells one client one thing, or finds out that there is nobody to tell.
  private func tellNext() -> RuntimeClient? {
    guard let index = notices.indices.last else {
      findNotices()
      return nil
    }
    let client = notices[index].clients.popLast()
    client?.connection.send(notices[index].body)
    if notices[index].clients.isEmpty { notices.removeLast() }
    return client
  }

  private func findNotices() {
    if laterNotices.isEmpty, let ref = due.popLast(), let session = updated.removeValue(forKey: ref)
    {
      add(.updated, session)
    }
    notices = laterNotices.reversed()
    laterNotices = []
  }

  private static func body(_ change: Change, _ session: Session) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("type", change.rawValue)
    json.member("sessionId", session.id.description)
    if change != .deleted {
      json.name("metadata")
      json.beginObject()
      json.member("startTime", session.startedAt.millisecondText)
      json.member("modifiedTime", session.updatedAt.millisecondText)
      json.endObject()
    }
    json.endObject()
    return RPCBody.notification("session.lifecycle", json.take())
  }
}
