internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension QuotaAPI {
  /// Items of one request; more belong in several requests.
  private static let maximumItemCount = 10_000

  /// `POST /v1/usage`: one item, or many of which each gets its own answer.
  func recordUsage(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    switch MediaType(of: request) {
    case .json:
      let body = try parsed(request)
      if body.kind == .array {
        return try recordAll(body.elements.map(usageItem), request, caller, reply)
      }
      return try recordOne(
        usageItem(body, key: try idempotencyKey(request)), request, caller, reply)
    case .cloudEvent:
      return try recordOne(cloudEventItem(try parsed(request)), request, caller, reply)
    case .cloudEventBatch:
      let body = try parsed(request)
      guard body.kind == .array else {
        throw Problem(400, "invalid", "a batch of CloudEvents must be a JSON array")
      }
      return try recordAll(body.elements.map(cloudEventItem), request, caller, reply)
    case .jsonLines:
      return try recordAll(lines(of: request.body), request, caller, reply)
    case .form, .other:
      throw Problem(
        415, "media_type",
        "the Content-Type must be application/json, application/jsonl, "
          + "application/cloudevents+json or application/cloudevents-batch+json",
        member: "Content-Type")
    }
  }

  private typealias Item = Result<UsageItem, Problem>

  private func recordOne(
    _ item: Item, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let item = try item.get()
    submit(
      Submission(.recordUsage(item.report), by: caller.actor, requestID: item.requestID),
      .receipt(reply, id: item.id, origin: request.headers["origin"]))
    return nil
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
    _ items: [Item], _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    guard items.count <= Self.maximumItemCount else {
      throw Problem(
        413, "too_many", "at most \(Self.maximumItemCount) items fit in one request")
    }
    let results = ItemResults(count: items.count) { [unowned self] response in
      server?.complete(reply, finish(response, for: request))
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
    return results.responseIfComplete()
  }

  private func parsed(_ request: HTTPRequest) throws(Problem) -> JSONValue {
    do { return try parser.parse(request.body) } catch { throw Problem(error) }
  }

  private func usageItem(_ json: JSONValue) -> Item { usageItem(json, key: nil) }

  private func usageItem(_ json: JSONValue, key: String?) -> Item {
    Result { () throws(MemberFault) in
      try UsageItem(
        usage: json, key: key, registersUnknownUser: settings.registersUnknownUsers)
    }.mapError(Problem.init)
  }

  private func cloudEventItem(_ json: JSONValue) -> Item {
    Result { () throws(MemberFault) in
      try UsageItem(cloudEvent: json, registersUnknownUser: settings.registersUnknownUsers)
    }.mapError(Problem.init)
  }

  /// JSON Lines: empty lines do not count, a bad line spoils only itself.
  private func lines(of body: [UInt8]) -> [Item] {
    body.split(separator: UInt8(ascii: "\n"))
      .filter { line in !line.allSatisfy { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 } }
      .map { line in
        do throws(JSONSyntaxError) {
          return usageItem(try parser.parse(Array(line)))
        } catch {
          return .failure(Problem(400, "not_json", "the line is not JSON: \(error)"))
        }
      }
  }

  private func idempotencyKey(_ request: HTTPRequest) throws(Problem) -> String? {
    let key = request.idempotencyKey
    guard key?.isEmpty != true else { throw .invalid("Idempotency-Key", "must not be empty") }
    return key
  }
}

extension HTTPResponse {
  /// For an answer that the ledger does not give to the command at hand.
  static var unexpected: HTTPResponse {
    Problem(500, "internal", "the ledger gave an answer that does not fit").response
  }
}

/// The answers to the items of one request; complete when every item has one.
private final class ItemResults {
  enum Outcome {
    case answered(Answer, id: String)
    case failed(Problem, id: String?)
  }

  private var outcomes: [Outcome?]
  private var missing: Int
  /// Whether the response goes out by `send`, because the request is no longer being handled.
  private var isDeferred = false
  private let send: (HTTPResponse) -> Void

  init(count: Int, send: @escaping (HTTPResponse) -> Void) {
    outcomes = Array(repeating: nil, count: count)
    missing = count
    self.send = send
  }

  func set(_ outcome: Outcome, at index: Int) {
    outcomes[index] = outcome
    missing -= 1
    if missing == 0 && isDeferred { send(response) }
  }

  /// The response, where nothing has to be waited for; otherwise it is sent later.
  func responseIfComplete() -> HTTPResponse? {
    if missing == 0 { return response }
    isDeferred = true
    return nil
  }

  private var response: HTTPResponse {
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
