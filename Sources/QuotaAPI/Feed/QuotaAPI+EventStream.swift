internal import HTTPServer
internal import QuotaModel
internal import QuotaService

extension QuotaAPI {
  /// `GET /v1/events/stream`
  func eventStream(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    guard AcceptedTypes(request.headers["accept"]).weight(of: "text", "event-stream") > 0 else {
      throw Problem(
        406, "not_acceptable", "a stream comes as text/event-stream; GET /v1/events has pages")
    }
    let query = QueryParameters(request)
    let interest = try eventInterest(query)
    let head = try reading { () throws(StoreFailure) in try queries.head() }
    let start = try streamStart(request, query, head: head)
    let answer = finish(
      HTTPResponse(status: 200, headers: EventStreamWriter.headers), for: request)
    let handle = server?.beginStream(reply, status: answer.status, headers: answer.headers)
    guard let handle else { return nil }
    do throws(StoreFailure) {
      try feed.begin(handle, interest, behind: start ?? head, isChosen: start != nil) {
        [unowned self] in isStillAllowed(request, as: caller)
      }
    } catch {
      // The client comes again, and is told then.
      server?.end(handle)
    }
    return nil
  }

  /// The position that a stream begins behind; nil: the end of the log.
  ///
  /// What a browser sends when it comes again wins over what its address said in the beginning; of a
  /// consumer and that header, whichever has come further.
  private func streamStart(
    _ request: HTTPRequest, _ query: QueryParameters, head: Position
  ) throws(Problem) -> Position? {
    let after = try query.integer("after", in: 0...Int64.max).map { Position(UInt64($0)) }
    let last = try lastEventID(request)
    let consumer = try consumer(of: query)
    if consumer != nil, after != nil {
      throw .invalid("after", "is what the consumer says: give one of them")
    }
    if let last, last > head { throw .beyondHead("Last-Event-ID", head) }
    if let after, last == nil, after > head { throw .beyondHead("after", head) }
    guard let consumer else { return last ?? after }
    return max(consumer.position, last ?? .zero)
  }

  private func lastEventID(_ request: HTTPRequest) throws(Problem) -> Position? {
    guard let text = request.headers["last-event-id"], !text.isEmpty else { return nil }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else {
      throw .invalid(
        "Last-Event-ID", "must be the id of an event: a position from 0 to \(Int64.max)")
    }
    return Position(UInt64(number))
  }
}

extension Problem {
  /// A place behind the last event, perhaps of a log that has lost its end since.
  static func beyondHead(_ member: String, _ head: Position) -> Problem {
    Problem(
      400, "beyond_head", "\(member) lies behind the last event, which has position \(head)",
      member: member, position: head.rawValue)
  }
}
