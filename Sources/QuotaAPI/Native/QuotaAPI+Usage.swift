internal import EventJSON
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
    try askApart(desk, request, for: caller, reply) {
      // What a large body takes goes back with the parser.
      Result { () throws(Problem) in try intake.read(body, JSONParser()) }
    } then: { [unowned self] found in
      do throws(Problem) {
        return try record(try found.get(), request, caller, reply)
      } catch {
        return error.response
      }
    }
    return nil
  }

  private func record(
    _ found: UsageIntake.Found, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    switch found {
    case .one(let item):
      submit(
        Submission(item, by: caller.actor),
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
    _ items: UsageItems, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    // All of them or none: a part of a batch is more work to repeat than the whole.
    guard lanes.hasRoom(for: items.count, from: caller.actor) else {
      throw Problem(503, "unavailable", "too many commands are waiting")
    }
    let results = ItemResults(items) { [unowned self, head = request.withoutBody] outcomes in
      if let response = send(outcomes, head, caller, reply) {
        server?.complete(reply, finish(response, for: head))
      }
    }
    let readable = items.readable
    guard !readable.isEmpty else { return send(results.outcomes, request, caller, reply) }
    let batch = CommandBatch(count: readable.count) { [unowned self, rights = lanes.rights] index in
      ticket(
        Submission(readable[index], by: caller.actor), .item(results, index: index), rights: rights)
    }
    lanes.submit(batch, by: caller.actor)
    return nil
  }

  /// The response to a request of many items; nil where it takes milliseconds to write, and comes later.
  private func send(
    _ outcomes: ItemOutcomes, _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) -> HTTPResponse? {
    guard outcomes.items.count > Self.smallItemCount, let readingDesk else {
      return .results(outcomes)
    }
    readingDesk.askPatiently(for: caller.user) {
      HTTPResponse.results(outcomes)
    } _: { [unowned self] in
      server?.complete(reply, finish($0, for: request))
    }
    return nil
  }
}

extension HTTPResponse {
  /// For an answer that the ledger does not give to the command at hand.
  static var unexpected: HTTPResponse {
    Problem(500, "internal", "the ledger gave an answer that does not fit").response
  }
}
