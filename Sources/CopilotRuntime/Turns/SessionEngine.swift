internal import QuotaModel
internal import QuotaService
internal import Sessions

/// The running part of a session: who listens, what waits to be said, and the turn under way. Turns
/// run one after another.
final class SessionEngine {
  /// Messages that may wait for their turns.
  private static let queueCapacity = 1000

  unowned let runtime: CopilotRuntime
  /// The session as of the last event that was heard.
  private(set) var session: Session
  var clients: [ObjectIdentifier: RuntimeClient] = [:]
  private(set) var provider: Provider?
  private(set) var isStreaming = false
  private(set) var systemMessage: String?
  private var queue: [Send] = []
  private(set) var turn: Turn?
  /// What waits for the end of the turn.
  private var onStop: [() -> Void] = []

  init(_ session: Session, of runtime: CopilotRuntime) {
    self.session = session
    self.runtime = runtime
  }

  /// What a model call would go to now.
  var servedModel: ServedModel { ServedModel(of: session, provider, runtime.settings) }

  var address: SessionAddress {
    SessionAddress(session.id, as: .everybody, ref: session.ref)
  }
  var isIdle: Bool { turn == nil && queue.isEmpty && onStop.isEmpty }
  /// Whether a model is being called.
  var isCalling: Bool { turn?.isCalling ?? false }
  /// The same, until what it used is recorded.
  var isSpending: Bool { turn?.isSpending ?? false }

  func take(_ options: TurnOptions) {
    provider = options.provider ?? provider
    isStreaming = options.isStreaming ?? isStreaming
    systemMessage = options.systemMessage ?? systemMessage
  }

  /// Queues a message; false where too many wait.
  func enqueue(_ send: Send) -> Bool {
    guard queue.count < Self.queueCapacity, !runtime.isDraining else { return false }
    queue.append(send)
    startNext()
    return true
  }

  func heard(_ news: SessionNews) {
    session = news.session
    turn?.heard(news)
  }

  func interestLost() { turn?.interestLost() }
  func roomMayBeFree() { turn?.roomMayBeFree() }

  /// Aborts what runs; false where nothing does.
  func abort() -> Bool {
    guard let turn else { return false }
    turn.stop(.byAbort)
    return true
  }

  /// Ends the turn and forgets what waits, and then calls `body`.
  func whenStopped(_ body: @escaping () -> Void) {
    let waiting = queue
    queue = []
    for send in waiting { send.finish?(.failed("the session has ended", completion: nil)) }
    guard let turn else { return body() }
    onStop.append(body)
    turn.stop(.byEnding)
  }

  /// Gives up what senders wanted who may do nothing any more. A call under way goes on: it has been sent,
  /// and what it uses has to be counted.
  func giveUpForbidden() {
    let waiting = queue
    queue = waiting.filter { runtime.mayChange($0.identity) }
    let kept = Set(queue.map(\.message))
    let forbidden = waiting.filter { !kept.contains($0.message) }
    for send in forbidden { giveUp(send) }
    guard let turn, !turn.isCalling, !runtime.mayChange(turn.send.identity) else { return }
    turn.stop(.byEnding)
  }

  private func giveUp(_ send: Send) {
    send.finish?(.failed("the sender may do nothing any more", completion: nil))
  }

  /// The turn has ended and everything about it is told.
  func turnEnded() {
    turn = nil
    let bodies = onStop
    onStop = []
    for body in bodies { body() }
    startNext()
    runtime.releaseIfIdle(session.ref)
  }

  private func startNext() {
    guard turn == nil, onStop.isEmpty, !runtime.isDraining else { return }
    // A message may have waited for as long as models took to answer those before it.
    while let first = queue.first, !runtime.mayChange(first.identity) {
      queue.removeFirst()
      giveUp(first)
    }
    guard !queue.isEmpty else { return }
    let turn = Turn(queue.removeFirst(), of: self)
    self.turn = turn
    turn.start()
  }

  /// Whoever answers model calls: the sender's own handler first.
  func handler(for send: Send) -> RuntimeClient? {
    if let sender = send.sender, mayAnswer(sender) { return sender }
    return clients.values.first(where: mayAnswer)
  }

  /// A token may have expired since anybody asked: what is said in a session, and the keys of its provider,
  /// go to nobody who may not have them.
  private func mayAnswer(_ client: RuntimeClient) -> Bool {
    client.answersModelCalls && client.connection.isOpen && runtime.mayChange(client.identity)
  }
}

/// A user message on its way into a turn.
struct Send {
  let message: EntryID
  let text: MessageText
  /// Header fields for this turn's model calls.
  let headers: [(name: String, value: String)]
  weak var sender: RuntimeClient?
  /// Who sends it, and by which right.
  let identity: RuntimeClient.Identity?
  var actor: Actor { identity?.actor ?? .service }
  let address: SessionAddress
  /// Told how the turn ended, where somebody waits for that.
  let finish: ((TurnEnd) -> Void)?
}

/// How a turn ended.
enum TurnEnd {
  /// The last event, and the last message of the model.
  case idle(completion: String, response: [UInt8]?, isAborted: Bool)
  case failed(String, completion: String?)
}
