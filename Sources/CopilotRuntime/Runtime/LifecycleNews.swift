internal import EventLoop
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Tells clients which sessions come, change and go, in slices: one change may concern thousands of clients, and
/// thousands of changes one.
///
/// A round tells what has gathered, client by client: each costs one call of the kernel, however much it hears.
final class LifecycleNews: TurnTaker {
  /// How long one word about a session's changes waits for more of them: everybody who may see the session
  /// gets it, which a busy one would make dear.
  private static let updateMilliseconds = 200
  /// Clients that are written to before others get their turn.
  private static let clientsPerSlice = 64

  /// Has something done after so many milliseconds; false where that cannot be.
  var runLater: (Int, @escaping () -> Void) -> Bool
  private let loop: EventLoop
  private let lane = TurnShares.Lane.house
  private var audience = Audience()
  /// What this round tells, by who may hear it, and to whom it is still to be told.
  private var bodies: [SessionViewer: [[UInt8]]] = [:]
  private var untold: [RuntimeClient] = []
  /// What the next round tells.
  private var waiting: NewsBacklog
  /// Sessions that were written to; the time to tell that has not come.
  private var updated: NewsBacklog
  private var isTimerSet = false
  private var isWaiting = false

  /// Keeps news of `limit` sessions at most.
  init(on loop: EventLoop, limit: Int) {
    self.loop = loop
    runLater = { [unowned loop] in (try? loop.schedule(after: $0, $1)) != nil }
    waiting = NewsBacklog(limit: limit)
    updated = NewsBacklog(limit: limit)
  }

  /// A client has shown who it is.
  func admit(_ client: RuntimeClient) { audience.add(client) }

  func forget(_ client: RuntimeClient) { audience.remove(client) }

  /// Tells it soon, together with what follows.
  func noteUpdate(of session: Session) {
    let news = SessionLifeNews(.updated, session)
    guard audience.hears(news.viewer) else { return }
    updated.add(news)
    if updated.isFull, !hasMore { tellUpdates() } else if !isTimerSet { tellLater() }
  }

  func tell(_ change: SessionLifeChange, _ session: Session) {
    let news = SessionLifeNews(change, session)
    if change == .deleted, let last = updated.take(news.ref) { waiting.add(last) }
    guard audience.hears(news.viewer) else { return }
    waiting.add(news)
    goOn()
  }

  private func tellLater() {
    isTimerSet = runLater(Self.updateMilliseconds) { [weak self] in self?.timeHasCome() }
    if !isTimerSet { tellUpdates() }
  }

  /// Whoever waits to be told of the last updates gets one word for all that happens meanwhile.
  private func timeHasCome() {
    isTimerSet = false
    if hasMore { tellLater() } else { tellUpdates() }
  }

  private func tellUpdates() {
    for news in updated.takeAll() { waiting.add(news) }
    if hasMore { goOn() }
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
    if untold.isEmpty { beginRound() }
    var told = 0
    while let client = untold.popLast() {
      tell(client)
      told += 1
      if told == Self.clientsPerSlice || loop.shares.isSliceOver { break }
    }
    if untold.isEmpty { bodies = [:] }
    if hasMore { waitForTurn() }
  }

  private var hasMore: Bool { !untold.isEmpty || !waiting.isEmpty }

  private func beginRound() {
    for news in waiting.takeAll() {
      for change in news.changes {
        let body = Self.body(change, news)
        for viewer in Set([news.viewer, .everybody]) { bodies[viewer, default: []].append(body) }
      }
    }
    untold = bodies.keys.flatMap { audience.clients(as: $0) }
  }

  private func tell(_ client: RuntimeClient) {
    guard let viewer = audience.viewer(of: client), let bodies = bodies[viewer] else { return }
    for body in bodies { client.connection.send(body) }
    // What is sent at the end of the turn nobody would have counted.
    client.connection.sendNow()
  }

  private static func body(_ change: SessionLifeChange, _ news: SessionLifeNews) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("type", change.rawValue)
    json.member("sessionId", news.session.description)
    if change != .deleted {
      json.name("metadata")
      json.beginObject()
      json.member("startTime", news.startedAt.millisecondText)
      json.member("modifiedTime", news.updatedAt.millisecondText)
      json.endObject()
    }
    if news.omittedCount > 0, change == news.changes.last {
      json.member("omitted", news.omittedCount)
    }
    json.endObject()
    return RPCBody.notification("session.lifecycle", json.take())
  }
}
