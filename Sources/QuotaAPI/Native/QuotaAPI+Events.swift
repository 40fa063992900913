internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService

extension QuotaAPI {
  /// `GET /v1/events`
  func events(
    _ request: HTTPRequest, _ caller: Caller, _ reply: ReplyHandle
  ) throws(Problem) -> HTTPResponse? {
    let filter = try eventFilter(QueryParameters(request))
    let accept = request.headers["accept"]
    let wantsLines =
      accept != nil && !accepts(accept, "application", "json")
      && (accepts(accept, "application", "jsonl") || accepts(accept, "application", "x-ndjson"))
    return try answerApart(request, for: caller, reply) { [queries] () throws(Problem) in
      let page = try readStore { () throws(StoreFailure) in try queries.events(filter) }
      return wantsLines ? Self.lines(page) : Self.document(page)
    }
  }

  private func eventFilter(_ query: QueryParameters) throws(Problem) -> EventFilter {
    var filter = try eventInterest(query).filter(after: .zero)
    if let limit = try query.integer("limit", in: 1...1000) { filter.limit = Int(limit) }
    let after = try query.integer("after", in: 0...Int64.max)
    if let consumer = try consumer(of: query) {
      guard after == nil else {
        throw .invalid("after", "is what the consumer says: give one of them")
      }
      filter.after = consumer.position
    } else if let after {
      filter.after = Position(UInt64(after))
    }
    return filter
  }

  /// Which events a query asks for: of a user, of a session, of some types.
  func eventInterest(_ query: QueryParameters) throws(Problem) -> EventInterest {
    var interest = EventInterest()
    if let user = query["user"] { interest.user = try known(user).account.user }
    if let text = query["session"] {
      let session = try reading { () throws(StoreFailure) in try queries.session(spelling: text) }
      guard let session else {
        throw Problem(404, "unknown_session", "there is no such session", member: "session")
      }
      interest.session = session.ref
    }
    let types = query.values("type").flatMap { $0.split(separator: ",").map { trimmed($0) } }
    guard query["type"] != nil else { return interest }
    interest.kinds = []
    for type in types {
      guard let kind = EventKind(name: type) else { throw Self.unknownType }
      interest.kinds?.insert(kind)
    }
    guard !types.isEmpty else { throw Self.unknownType }
    return interest
  }

  private static var unknownType: Problem {
    let names = EventKind.allCases.map(\.name).joined(separator: ", ")
    return .invalid("type", "must be one of \(names)")
  }

  private static func document(_ page: EventPage) -> HTTPResponse {
    .json(200) { json in
      json.beginObject()
      json.name("events")
      json.beginArray()
      for event in page.events { json.event(event) }
      json.endArray()
      json.member("next_after", page.nextAfter)
      json.member("has_more", page.hasMore)
      json.member("position", page.head)
      json.endObject()
    }
  }

  /// JSON Lines has no place for the page's own members: they are headers.
  private static func lines(_ page: EventPage) -> HTTPResponse {
    var json = JSONWriter()
    for event in page.events {
      json.event(event)
      json.newline()
    }
    return HTTPResponse(
      status: 200,
      headers: [
        (name: "Content-Type", value: "application/jsonl"),
        (name: "Quotalog-Next-After", value: page.nextAfter.description),
        (name: "Quotalog-Has-More", value: page.hasMore ? "true" : "false"),
        (name: "Quotalog-Position", value: page.head.description),
      ], body: json.take())
  }
}
