internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension QuotaAPI {
  /// Bytes of bodies that are read at once; larger ones take milliseconds, and are read apart.
  private static let smallBodyByteCount = 64 << 10
  /// Items whose results are written at once.
  private static let smallItemCount = 500

  /// `POST /v1/usage`: one item, or many of which each gets its own answer.
  func recordUsage(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let intake = UsageIntake(
      type: MediaType(of: request), key: request.idempotencyKey,
      registersUnknownUser: settings.registersUnknownUsers)
    if request.body.count > Self.smallBodyByteCount, let readingDesk {
      return try readApart(request, intake, readingDesk, caller, reply)
    }
    return try record(try intake.read(request.body, parser), request, caller, reply)
  }

  private func readApart(
    _ request: HTTPRequest, _ intake: UsageIntake, _ desk: ReadingDesk, _ caller: Caller,
    _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let body = request.body
    var head = request
    head.body = []
    let isAsked = desk.ask(for: caller.user) {
      // What a large body takes goes back with the parser.
      Result { () throws(Problem) in try intake.read(body, JSONParser()) }
    } _: { [unowned self, head] found in
      let response: HTTPResponse?
      do throws(Problem) {
        response = try record(try found.get(), head, caller, reply)
      } catch {
        response = error.response
      }
      if let response { server?.complete(reply, finish(response, for: head)) }
    }
    guard isAsked else { throw .tooManyQuestions }
    return nil
  }

  private func record(
    _ found: UsageIntake.Found, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    switch found {
    case .one(let item):
      submit(
        Submission(.recordUsage(item.report), by: caller.actor, requestID: item.requestID),
        .receipt(reply, id: item.id, origin: request.headers["origin"]))
      return nil
    case .many(let items): return try recordAll(items, request, caller, reply)
    }
  }

  /// The response to one reported usage.
  func usageReceipt(_ answer: Answer, id: String) -> HTTPResponse {
    switch answer {
    case .recorded(let receipt):
      var json = JSONWriter()
      json.reserveCapacity(160)
      json.beginObject()
      json.member("id", id)
      json.member("position", receipt.position)
      json.name("recorded_at")
      json.string(utf8: momentText.utf8(of: receipt.recordedAt))
      json.member("replayed", receipt.isReplayed)
      json.endObject()
      return HTTPResponse(
        status: receipt.isReplayed ? 200 : 201, headers: HTTPResponse.jsonHeaders,
        body: json.take())
    case .failed(let failure): return Problem(failure).response
    case .unchanged, .granted, .held, .refused, .settled, .extended, .session, .budget:
      return .unexpected
    }
  }

  private func recordAll(
    _ items: [UsageIntake.Item], _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    // All of them or none: a part of a batch is more work to repeat than the whole.
    guard lanes.hasRoom(for: items.count, from: caller.actor) else {
      throw Problem(503, "unavailable", "too many commands are waiting")
    }
    var head = request
    head.body = []
    let results = ItemResults(count: items.count) { [unowned self, head] outcomes in
      send(outcomes, head, caller, reply)
    }
    for (index, item) in items.enumerated() {
      switch item {
      case .failure(let problem): results.set(.failed(problem, id: nil), at: index)
      case .success(let item):
        submit(
          Submission(
            .recordUsage(item.report), by: caller.actor, requestID: item.requestID)
        ) { results.set(.answered($0, id: item.id), at: index) }
      }
    }
    guard let outcomes = results.outcomesIfComplete() else { return nil }
    if isSmall(outcomes) { return .results(outcomes) }
    send(outcomes, head, caller, reply)
    return nil
  }

  private func isSmall(_ outcomes: [ItemOutcome?]) -> Bool {
    outcomes.count <= Self.smallItemCount || readingDesk == nil
  }

  private func send(
    _ outcomes: [ItemOutcome?], _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) {
    guard !isSmall(outcomes), let readingDesk else {
      server?.complete(reply, finish(.results(outcomes), for: request))
      return
    }
    readingDesk.askPatiently(for: caller.user) {
      HTTPResponse.results(outcomes)
    } _: { [unowned self] in
      server?.complete(reply, finish($0, for: request))
    }
  }
}

extension HTTPResponse {
  /// For an answer that the ledger does not give to the command at hand.
  static var unexpected: HTTPResponse {
    Problem(500, "internal", "the ledger gave an answer that does not fit").response
  }
}

/// What became of one item of a request.
private enum ItemOutcome: Sendable {
  case answered(Answer, id: String)
  case failed(Problem, id: String?)
}

/// The answers to the items of one request; complete when every item has one.
private final class ItemResults {
  private var outcomes: [ItemOutcome?]
  private var missing: Int
  /// Whether every item has been handed over.
  private var isWhole = false
  private let send: ([ItemOutcome?]) -> Void

  init(count: Int, send: @escaping ([ItemOutcome?]) -> Void) {
    outcomes = Array(repeating: nil, count: count)
    missing = count
    self.send = send
  }

  func set(_ outcome: ItemOutcome, at index: Int) {
    outcomes[index] = outcome
    missing -= 1
    if missing == 0 && isWhole { send(outcomes) }
  }

  /// All of them, where nothing has to be waited for; otherwise they are sent later.
  func outcomesIfComplete() -> [ItemOutcome?]? {
    isWhole = true
    return missing == 0 ? outcomes : nil
  }
}

extension HTTPResponse {
  /// The answer to a request of many items.
  fileprivate static func results(_ outcomes: [ItemOutcome?]) -> HTTPResponse {
    var json = JSONWriter()
    json.reserveCapacity(128 * outcomes.count + 64)
    var head: UInt64?
    var isAllFine = true
    json.beginObject()
    json.name("results")
    json.beginArray()
    for outcome in outcomes {
      json.beginObject()
      switch outcome {
      case .answered(.recorded(let receipt), let id):
        json.member("status", receipt.isReplayed ? 200 : 201)
        json.receipt(receipt, id: id)
        head = max(head ?? 0, receipt.position.rawValue)
      case .answered(.failed(let failure), let id):
        isAllFine = false
        json.failure(Problem(failure), id: id)
      case .failed(let problem, let id):
        isAllFine = false
        json.failure(problem, id: id)
      case .answered, nil:
        isAllFine = false
        json.failure(Problem(500, "internal", "no answer that fits"), id: nil)
      }
      json.endObject()
    }
    json.endArray()
    json.name("position")
    if let head { json.integer(head) } else { json.null() }
    json.endObject()
    return HTTPResponse(
      status: isAllFine ? 200 : 207,
      headers: [(name: "Content-Type", value: "application/json")], body: json.take())
  }
}

extension JSONWriter {
  fileprivate mutating func failure(_ problem: Problem, id: String?) {
    member("status", problem.status)
    if let id { member("id", id) }
    name("error")
    problem.write(into: &self)
  }
}
