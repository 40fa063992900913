internal import EventJSON
public import HTTPServer
internal import JSON
internal import QuotaModel
public import QuotaService
public import Sessions
internal import Synchronization

/// The routes: Waldur's and our own. Belongs to the loop's thread, except for `deliver`.
///
/// Questions are answered at once from the projection; commands go to the committer, all of a loop
/// turn together, and their answers come back in batches.
public final class QuotaAPI: HTTPHandler {
  let settings: APISettings
  let sessionSettings: SessionSettings
  /// Where sessions are listened to.
  let hub: SessionHub
  let streams: SessionStreams
  let feed: EventFeed
  /// Where the places of named readers are kept; without it they are answered that nothing is.
  public var consumerDesk: ConsumerDesk?
  /// Where long questions are asked; without it they are answered at once, whoever waits meanwhile.
  public var readingDesk: ReadingDesk? {
    didSet { streams.readingDesk = readingDesk }
  }
  var repeatedRequests = RepeatedRequests()
  let queries: Queries
  let clock: Clock
  let parser = JSONParser()
  private let authenticator: Authenticator
  private let committer: Committer
  let lanes: CommandLanes
  private let answers: AnswerBox
  private var pending = PendingCommands()
  var momentText = MomentText()
  var rateLimits = RateLimitFields()
  private var latestRoute: (path: String, route: Route?)?
  /// Asked for health checks.
  public var auditStatus: () -> AuditStatus? = { nil }
  /// Asked for health checks in detail.
  public var oldestReader: () -> StoreReader? = { nil }
  /// Asked for `GET /v1/webhooks`.
  public var webhookStatuses: () -> [WebhookStatus] = { [] }
  /// Sends deferred answers; set once the server exists.
  public unowned var server: HTTPServer? {
    didSet {
      streams.server = server
      feed.outlet = server
    }
  }

  /// `sessions` is where news of sessions are delivered; without one nobody hears any, but
  /// everything else works.
  public init(
    store: Store, committer: Committer, answers: AnswerBox, settings: APISettings,
    lanes: CommandLanes? = nil, sessions: SessionHub? = nil,
    sessionSettings: SessionSettings = SessionSettings(), clock: @escaping Clock = System.clock
  ) {
    self.settings = settings
    self.sessionSettings = sessionSettings
    let hub = sessions ?? SessionHub(Queries(store))
    self.hub = hub
    streams = SessionStreams(hub)
    self.clock = clock
    self.committer = committer
    let lanes = lanes ?? CommandLanes(committer)
    self.lanes = lanes
    self.answers = answers
    queries = Queries(store)
    feed = EventFeed(queries)
    authenticator = Authenticator(queries)
    feed.rightsChanged = { [unowned self] in authenticator.forgetAll() }
    hub.onRightsChanged.append { [unowned self] in
      authenticator.forgetAll()
      streams.endForbidden()
      feed.endForbidden()
    }
    lanes.onRefusal.append { [unowned self] in
      guard PendingCommands.has($0) else { return }
      complete($0, .failed(.unavailable(reason: "too many commands are waiting")))
    }
  }

  /// Bodies up to here have come with their head as a rule: checking twice would only cost.
  private static let smallBodyByteCount = 4096

  public func decide(onHead head: HTTPRequest) -> HeadDecision {
    latestParty = 0
    if let digits = head.headers.bytes(of: "content-length"), digits.count <= 4,
      let length = Int(String(decoding: digits, as: UTF8.self)), length <= Self.smallBodyByteCount
    {
      return .accept(bodyLimit: length)
    }
    // Strangers do not get a large body read.
    do throws(EarlyAnswer) {
      switch try admit(head) {
      case .preflight, .health, .evidence: return .accept(bodyLimit: 0)
      case .waldur(let path, _): return .accept(bodyLimit: bodyLimit(for: path))
      case .native(let path, _): return .accept(bodyLimit: bodyLimit(for: path))
      case .session(let path, _): return .accept(bodyLimit: bodyLimit(for: path))
      }
    } catch {
      return .answer(finish(error.response, for: head))
    }
  }

  public func handle(_ request: HTTPRequest, _ reply: ReplyHandle) -> HTTPResponse? {
    latestParty = 0
    do throws(EarlyAnswer) {
      let response: HTTPResponse? =
        switch try admit(request) {
        case .preflight: HTTPResponse(status: 200)
        case .health(let route): health(route, request)
        case .waldur(let path, let caller): answer(request, at: path, from: caller, reply)
        case .native(let path, let caller): answer(request, at: path, from: caller, reply)
        case .session(let path, let caller): answer(request, at: path, from: caller, reply)
        case .evidence(let path, let caller): answer(request, at: path, from: caller, reply)
        }
      return response.map { finish($0, for: request) }
    } catch {
      return finish(error.response, for: request)
    }
  }

  public func streamClosed(_ handle: StreamHandle, _ reason: StreamClosure) {
    streams.forget(handle)
    feed.forget(handle)
  }

  public func streamSent(_ handle: StreamHandle) {
    streams.proceed(handle)
    feed.proceed(handle)
  }

  /// Sends a sign of life to everybody who listens; to be called every 15 seconds.
  public func keepStreamsAlive() {
    streams.keepAlive()
    feed.keepAlive()
  }

  /// Has streams of events do something in a later turn of the loop, after so many milliseconds; it answers
  /// false where that cannot be.
  public var runLater: (Int, @escaping () -> Void) -> Bool {
    get { feed.runLater }
    set { feed.runLater = newValue }
  }

  /// Something may have been appended to the log. Costs next to nothing.
  public func noteNews() { feed.noteNews() }

  /// Looks whether something was appended that nobody asked for; to be called a few times a second.
  public func lookForNews() { feed.look() }

  /// Hands the commands of this loop turn to the committer.
  public func flush() { lanes.flush() }

  /// Sends the answers that the committer has delivered, behind whatever `tell` has to tell: the
  /// answers to what happened later wait for the next time.
  public func completeDelivered(behind tell: () -> Void = {}) {
    let delivered = answers.takeAll()
    lanes.answered(delivered.count)
    tell()
    for (number, answer) in delivered { complete(number, answer) }
  }

  private func complete(_ number: UInt64, _ answer: Answer) {
    switch pending.take(number) {
    case .receipt(let reply, let id, let origin):
      let response = finish(usageReceipt(answer, id: id), origin: origin, route: .native(.usage))
      server?.complete(reply, response)
    case .item(let results, let index): results.set(answer, at: index)
    case .other(let complete): complete(answer)
    case nil: break
    }
  }

  /// Whether commands wait for their answers.
  public var isBusy: Bool { !pending.isEmpty }

  /// Whom the latest request was for; zero: nobody who is known.
  public private(set) var latestParty: UInt64 = 0

  func caller(of request: HTTPRequest) throws(Unauthenticated) -> Caller {
    latestParty = 0
    let caller = try authenticator.caller(of: request.headers, at: clock())
    latestParty = caller.user.low
    return caller
  }

  /// Sends a command whose answer becomes the response to `request`.
  func submit(
    _ submission: Submission, for request: HTTPRequest, _ reply: ReplyHandle,
    _ respond: @escaping (Answer) -> HTTPResponse
  ) {
    let origin = request.headers["origin"]
    let route = route(of: request)
    submit(submission) { [unowned self] answer in
      server?.complete(reply, finish(respond(answer), origin: origin, route: route))
    }
  }

  /// Sends a command; `complete` gets its answer on this thread.
  func submit(_ submission: Submission, _ complete: @escaping (Answer) -> Void) {
    submit(submission, .other(complete))
  }

  func submit(_ submission: Submission, _ completion: Completion) {
    lanes.submit(ticket(submission, completion))
  }

  /// A command whose answer is awaited from now on.
  ///
  /// `rights` are those that whoever asks was let in by, where that was not now.
  func ticket(
    _ submission: Submission, _ completion: Completion, rights: RightsEpoch? = nil
  ) -> Committer.Ticket {
    Committer.Ticket(
      submission, number: pending.insert(completion), rights: rights ?? lanes.rights)
  }

  func finish(_ response: HTTPResponse, for request: HTTPRequest) -> HTTPResponse {
    finish(
      response, origin: request.headers["origin"], route: route(of: request), of: request)
  }

  /// Where a request's path leads; asked for several times by one request.
  func route(of request: HTTPRequest) -> Route? {
    if let latestRoute, latestRoute.path == request.path { return latestRoute.route }
    let route = Route(path: request.path, prefix: settings.pathPrefix)
    latestRoute = (request.path, route)
    return route
  }

  /// The state of the store as health checks see it; nil while all is well.
  func outage() -> String? { committer.currentStatus.outage }

  private func clockLag() -> ClockLag? {
    ClockLag(after: committer.currentStatus.recordedAt, now: clock())
  }

  /// Health checks need no token. Whom a finding is about, other processes and all figures are for those who
  /// may read everybody's.
  private func isToldMore(_ request: HTTPRequest) -> Bool {
    (try? caller(of: request))?.role.mayReadAnyUsage ?? false
  }

  private func differs(_ finding: AuditFinding, _ request: HTTPRequest) -> HTTPResponse {
    let isTold = isToldMore(request)
    return .json(503) { json in
      json.beginObject()
      json.member("status", "differs")
      let remedy = "ask with a token, or see the server's messages"
      json.member(
        "detail",
        "what is answered differs from the log: \(isTold ? finding.description : remedy)")
      if isTold {
        json.member("user", optional: finding.user?.description)
        json.member("position", finding.position)
      }
      json.endObject()
    }
  }

  private func health(_ route: Route, _ request: HTTPRequest) -> HTTPResponse {
    if route == .ready, let outage = outage() {
      return .json(503, headers: [(name: "Retry-After", value: "1")]) { json in
        json.beginObject()
        json.member("status", "read_only")
        json.member("detail", outage)
        json.endObject()
      }
    }
    let audit = route == .ready ? auditStatus() : nil
    if let finding = audit?.finding { return differs(finding, request) }
    return .json(200) { json in
      json.beginObject()
      json.member("status", "ok")
      if route == .ready, QueryParameters(request)["verbose"] != nil, isToldMore(request) {
        if let audit { json.audit(audit) }
        if let reader = oldestReader() { json.reader(reader) }
        if let lag = clockLag() { json.clock(lag) }
      }
      json.endObject()
    }
  }
}

extension JSONWriter {
  fileprivate mutating func clock(_ lag: ClockLag) {
    name("clock")
    beginObject()
    member("behind_seconds", lag.seconds)
    member("last_recorded_at", lag.recordedAt.rfc3339)
    member("detail", lag.description)
    endObject()
  }

  fileprivate mutating func audit(_ status: AuditStatus) {
    name("audit")
    beginObject()
    member("passes", status.passCount)
    member("accounts", status.accountCount)
    member("position", status.position)
    endObject()
  }

  fileprivate mutating func reader(_ reader: StoreReader) {
    name("oldest_reader")
    beginObject()
    member("part", reader.part)
    member("process", Int(reader.process))
    member("commits_behind", reader.commitsBehind)
    endObject()
  }
}

/// An answer instead of going on.
struct EarlyAnswer: Error {
  let response: HTTPResponse

  init(_ response: HTTPResponse) { self.response = response }
}

/// A moment as text, kept until another one is asked for: all events of a commit have the same.
struct MomentText {
  private var moment: Moment?
  private var text: [UInt8] = []

  mutating func utf8(of moment: Moment) -> [UInt8] {
    if self.moment != moment {
      text.removeAll(keepingCapacity: true)
      moment.write(into: &text)
      self.moment = moment
    }
    return text
  }
}

/// Answers on their way from the committer's thread to the loop's.
public final class AnswerBox: Sendable {
  private let answers = Mutex<[(number: UInt64, answer: Answer)]>([])

  public init() {}

  public func put(_ new: [(number: UInt64, answer: Answer)]) {
    answers.withLock { $0.append(contentsOf: new) }
  }

  func takeAll() -> [(number: UInt64, answer: Answer)] {
    answers.withLock { (answers) in
      defer { answers = [] }
      return answers
    }
  }
}

/// What becomes of a command's answer.
enum Completion {
  /// It is the answer to one reported usage, as that of nearly every command: no closure is made.
  case receipt(ReplyHandle, id: String, origin: String?)
  /// It is one of the answers to a request of many items.
  case item(ItemResults, index: Int)
  case other((Answer) -> Void)
}

/// What to do with the answers of commands under way, by number.
struct PendingCommands {
  private var entries: [Completion?] = []
  private var free: [Int] = []

  var isEmpty: Bool { free.count == entries.count }

  /// Whether the number is one of these: others have numbers from far above.
  static func has(_ number: UInt64) -> Bool { number < 1 << 63 }

  mutating func insert(_ completion: Completion) -> UInt64 {
    if let index = free.popLast() {
      entries[index] = completion
      return UInt64(index)
    }
    entries.append(completion)
    return UInt64(entries.count - 1)
  }

  mutating func take(_ number: UInt64) -> Completion? {
    let index = Int(number)
    guard let completion = entries[index].take() else { return nil }
    free.append(index)
    return completion
  }
}
