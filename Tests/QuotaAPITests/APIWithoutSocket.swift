import Foundation
import HTTPServer
import LedgerSimulation
import QuotaAPI
import QuotaModel
import QuotaService
import Sessions
import Synchronization

/// The routes on a store of their own, asked directly, with a user of each role and one more.
final class APIWithoutSocket {
  /// An answer; 202 stands for one that the committer will give.
  struct Answer {
    let status: Int
    let body: String
  }

  let api: QuotaAPI
  private let committer: Committer
  private let answers = AnswerQueue()
  private let news = NewsBox()
  /// Where everything is told that commands make happen in sessions.
  let hub: SessionHub
  private(set) var tokens: [Role: String] = [:]
  private(set) var tokenIDs: [Role: TokenID] = [:]
  private(set) var users: [Role: UserID] = [:]
  private let lanes: CommandLanes
  /// A user who asks for nothing.
  let other = System.randomUser()
  /// The last to go: LMDB knows open stores by their inodes, which the next directory may get.
  private let directory: TemporaryDirectory

  init(_ sessionSettings: SessionSettings = SessionSettings()) throws {
    directory = try TemporaryDirectory()
    let path = directory.path + "/store"
    try Store.create(at: path, clock: System.clock)
    let store = try Store(at: path, mode: .writing)
    committer = try Committer(
      store: store, onNews: { [news] in news.put($0) },
      onRightsChanged: { [news] in news.noteRightsChanged($0) },
      deliver: { [answers] in answers.put($0.map(\.answer)) })
    hub = SessionHub(Queries(store))
    lanes = CommandLanes(committer)
    api = QuotaAPI(
      store: store, committer: committer, answers: AnswerBox(), settings: APISettings(),
      lanes: lanes, sessions: hub, sessionSettings: sessionSettings)
    api.consumerDesk = try ConsumerDesk(of: store) {}
    try execute(.register(Registration(user: other, name: UserName("other"), role: .user)))
    for role in Role.allCases { try register(role) }
  }

  deinit { committer.stop() }

  func ask(_ method: HTTPMethod, _ path: String, as role: Role, body: String = "{}") -> Answer {
    ask(method, path, token: tokens[role], body: body)
  }

  func ask(_ method: HTTPMethod, _ path: String, token: String?, body: String = "{}") -> Answer {
    var request = request(method, path, token: token)
    request.body = Array(body.utf8)
    guard let response = api.handle(request, ReplyHandle(sequence: 1)) else {
      return Answer(status: 202, body: "")
    }
    return Answer(
      status: response.status, body: String(decoding: response.body, as: UTF8.self))
  }

  /// Whether a request is answered as forbidden before its large body has come.
  func isRefusedByHead(_ method: HTTPMethod, _ path: String, as role: Role) -> Bool {
    let length = ("Content-Length", "1000000")
    let head = request(method, path, token: tokens[role], fields: [length])
    guard case .answer(let response) = api.decide(onHead: head) else { return false }
    return response.status == 403
  }

  func deactivate(_ role: Role) throws {
    guard let user = users[role] else { return }
    try execute(.setActive(.id(user), false))
  }

  private func register(_ role: Role) throws {
    let user = System.randomUser()
    let token = NewToken()
    try execute(
      .register(Registration(user: user, name: UserName(role.name), role: role, token: token)))
    users[role] = user
    tokens[role] = token.text
    tokenIDs[role] = token.id
  }

  /// Has the ledger do something, and tells those who listen to sessions.
  @discardableResult
  func execute(_ command: Command, delivers: Bool = true) throws -> QuotaService.Answer {
    var tickets = [Committer.Ticket(Submission(command, by: .operator), number: 0)]
    committer.submit(&tickets)
    precondition(tickets.isEmpty, "the committer takes no command")
    let answer = answers.next()
    if delivers { deliver() }
    if case .failed(let failure) = answer { throw failure }
    return answer
  }

  /// The same for many at once, in one commit or a few.
  func execute(all commands: [Command]) {
    var tickets = commands.map { Committer.Ticket(Submission($0, by: .operator), number: 0) }
    committer.submit(&tickets)
    precondition(tickets.isEmpty, "the committer takes no command")
    for _ in commands { _ = answers.next() }
    deliver()
  }

  /// Tells what happened since the last time.
  func deliver() {
    if let rights = news.takeRightsChange() {
      lanes.rights = rights
      hub.noteRightsChanged()
    }
    hub.deliver(news.takeAll())
  }

  private func request(
    _ method: HTTPMethod, _ path: String, token: String?, fields: [(String, String)] = []
  ) -> HTTPRequest {
    let target = path.replacing("OTHER", with: other.description)
      .split(separator: "?", maxSplits: 1).map(String.init)
    var fields = fields + [("content-type", "application/json")]
    if let token { fields.append(("authorization", "Token \(token)")) }
    return HTTPRequest(
      method: method, methodText: "\(method)".uppercased(), path: target[0],
      query: target.count > 1 ? target[1] : nil, headers: HTTPHeaders(fields), body: [])
  }
}

/// News on their way from the committer's thread.
private final class NewsBox: Sendable {
  private let news = Mutex<[SessionNews]>([])
  private let rights = Mutex<RightsEpoch?>(nil)

  func noteRightsChanged(_ new: RightsEpoch) { rights.withLock { $0 = new } }

  func takeRightsChange() -> RightsEpoch? { rights.withLock { $0.take() } }

  func put(_ new: [SessionNews]) { news.withLock { $0 += new } }

  func takeAll() -> [SessionNews] {
    news.withLock { (news) in
      defer { news = [] }
      return news
    }
  }
}

/// Answers on their way from the committer's thread.
private final class AnswerQueue: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let answers = Mutex<[QuotaService.Answer]>([])

  func put(_ new: [QuotaService.Answer]) {
    answers.withLock { $0 += new }
    for _ in new { semaphore.signal() }
  }

  func next() -> QuotaService.Answer {
    semaphore.wait()
    return answers.withLock { $0.removeFirst() }
  }
}
