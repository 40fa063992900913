import CopilotRuntime
import EventLoop
import Foundation
import Glibc
import QuotaModel
import QuotaService
import Sessions
import Synchronization
import TestSupport

/// The runtime over a store of its own, with a loop that turns when the test says so: between a request and
/// its answer anything may happen.
final class RuntimeStage {
  let runtime: CopilotRuntime
  let loop: EventLoop
  let hub: SessionHub
  /// Whether what has been read apart is passed on; the test may have something happen before.
  var passesReadingsOn = true
  private let committer: Committer
  private let desk: CommandDesk
  private let readingDesk: ReadingDesk
  private let path: String
  private let port: UInt16
  /// The last to go: LMDB knows open stores by their inodes, which the next directory may get.
  private let directory: TemporaryDirectory

  /// What the runtime takes for the time.
  let clock = HandClock()

  init(
    _ settings: SessionSettings = SessionSettings(), limits: RPCLimits = RPCLimits(),
    turns: TurnClock = TurnClock()
  ) throws {
    directory = TemporaryDirectory()
    let store = try Self.makeStore(at: directory.path + "/store")
    loop = try EventLoop(clock: turns)
    let (inbox, bell) = (CommandDesk.Inbox(), Bell())
    let waker = try loop.makeWaker { bell.onRing() }
    committer = try Committer(
      store: store,
      onNews: { (news) in
        inbox.put(news)
        waker.wake()
      },
      onRightsChanged: { inbox.noteRightsChanged($0) },
      deliver: { (delivered) in
        var delivered = delivered
        inbox.take(from: &delivered)
        waker.wake()
      })
    hub = SessionHub(Queries(store))
    desk = CommandDesk(CommandLanes(committer), inbox, hub)
    runtime = try CopilotRuntime(
      on: loop, desk: desk, hub: hub, settings: settings, limits: limits, clock: clock.now)
    readingDesk = ReadingDesk { waker.wake() }
    runtime.readingDesk = readingDesk
    path = directory.path + "/socket"
    try runtime.listen(path: path)
    port = try runtime.listen(host: "127.0.0.1", port: 0)
    loop.onTurnEnd = { [unowned desk] in desk.flush() }
    bell.onRing = { [unowned self] in ring() }
  }

  deinit {
    readingDesk.stop()
    committer.stop()
  }

  private static func makeStore(at path: String) throws -> Store {
    try Store.create(at: path, clock: System.clock)
    return try Store(at: path, mode: .writing)
  }

  /// What another thread has the loop do.
  private final class Bell { var onRing: () -> Void = {} }

  private func ring() {
    desk.collect()
    if passesReadingsOn { readingDesk.collect() }
  }

  /// Turns until something holds, for five seconds at most.
  func turn(until condition: @escaping () -> Bool) throws {
    var left = 5000
    let timer = try loop.schedule(every: 1) { [unowned self] in
      left -= 1
      if passesReadingsOn { readingDesk.collect() }
      if left == 0 || condition() { loop.stop() }
    }
    loop.run()
    timer.cancel()
    guard left > 0 else { throw Failure.nothingHappened }
  }

  /// Turns for a while in which nothing is expected.
  func turn(milliseconds: Int) throws {
    var left = milliseconds
    try turn {
      left -= 1
      return left < 0
    }
  }

  /// Has the ledger do something, and tells everybody.
  @discardableResult
  func execute(_ command: Command, mayFail: Bool = false) throws -> Answer {
    let answers = try execute([command], mayFail: mayFail)
    guard let answer = answers.first else { throw Failure.nothingHappened }
    return answer
  }

  /// Has the ledger do something with the next commit, before what is asked for from now on.
  func begin(_ command: Command, _ complete: @escaping (Answer) -> Void = { _ in }) {
    desk.submit(Submission(command, by: .operator), complete)
  }

  /// The same for several at once.
  @discardableResult
  func execute(_ commands: [Command], mayFail: Bool = false) throws -> [Answer] {
    var answers: [Answer] = []
    for command in commands {
      desk.submit(Submission(command, by: .operator)) { answers.append($0) }
    }
    try turn { answers.count == commands.count }
    for case .failed(let failure) in answers where !mayFail { throw failure }
    return answers
  }

  enum Failure: Error {
    case nothingHappened
    case refused(String)
  }

  /// Registers a user, and says who may come in by which token.
  func register(_ role: Role = .user) throws -> Account {
    let account = Account(user: System.randomUser(), token: NewToken())
    try execute(
      .register(Registration(user: account.user, name: nil, role: role, token: account.token)))
    return account
  }

  func issue(to user: UserID, forSeconds seconds: Int64) throws -> Account {
    let account = Account(user: user, token: NewToken())
    let end = Moment(microseconds: System.clock().microseconds + seconds * 1_000_000)
    try execute(.issueToken(.id(user), account.token, expiresAt: end))
    return account
  }

  func session(_ id: String) throws -> Session? {
    try hub.queries.session(SessionAddress(SessionID(id), as: .everybody))
  }

  /// Has so many credits used in a session.
  func spend(_ credits: String, in session: String, id: String = "spent") throws {
    var usage = CallUsage(id: try StepID(id))
    usage.cost = NanoCredits(credits: credits)
    try execute(.session(.recordUsage(SessionAddress(SessionID(session), as: .everybody), usage)))
  }

  struct Account {
    let user: UserID
    let token: NewToken
  }

  /// A client over TCP that has shown who it is; without an account one of this system user.
  func client(_ account: Account? = nil) throws -> StagedClient {
    let client = StagedClient(
      try account == nil ? TestClient(path: path) : TestClient(port: port), self)
    let token = account.map { #""token":"\#($0.token.text)""# } ?? ""
    _ = try client.call("connect", "{\(token)}")
    return client
  }
}

/// A clock that can be set.
final class HandClock: Sendable {
  private let offset = Mutex<Int64>(0)

  var now: Clock {
    { [self] in
      Moment(microseconds: System.clock().microseconds + offset.withLock { $0 })
    }
  }

  func advance(seconds: Int64) { offset.withLock { $0 += seconds * 1_000_000 } }
}
