internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

extension QuotaAPI {
  /// `GET /v1/sessions/{id}/events`
  func sessionEvents(of id: String, _ call: SessionCall) throws(Problem) -> HTTPResponse? {
    let accepted = AcceptedTypes(call.request.headers["accept"])
    let form = accepted.best(of: ["application/json", "text/event-stream"])
    guard let form else {
      throw Problem(
        406, "not_acceptable", "events come as application/json or text/event-stream")
    }
    let query = try SessionEventQuery(call.request)
    let session = try knownSession(id, call)
    try check(query.cursor, of: session)
    if form == "application/json" {
      let history = SessionHistory(of: session.ref, after: query.cursor, hub)
      return try answerApart(call) { () throws(Problem) in try Self.page(history, query) }
    }
    guard !query.isInterested || call.caller.role.mayChangeSessions else {
      throw Problem(
        403, "forbidden", "the role \(call.caller.role.name) may not answer", member: "interest")
    }
    beginStream(of: session, query, call)
    return nil
  }

  /// A page may have ended behind events that no client is told of.
  private func check(_ cursor: SessionCursor, of session: Session) throws(Problem) {
    guard let place = cursor.place, place > session.lastEvent else { return }
    let head = try reading { () throws(StoreFailure) in try queries.head() }
    guard place.index == SessionEventPlace.lastIndex, place.position <= head else {
      throw .invalid("after", "lies behind the session's last event")
    }
  }

  private func beginStream(
    of session: Session, _ query: SessionEventQuery, _ call: SessionCall
  ) {
    let head = finish(
      HTTPResponse(status: 200, headers: EventStreamWriter.headers), for: call.request)
    let handle = server?.beginStream(call.reply, status: head.status, headers: head.headers)
    guard let handle else { return }
    streams.begin(handle, of: session.ref, query, for: call.caller.user) { [unowned self] in
      isStillAllowed(call.request, as: call.caller)
    }
  }

  /// Reads a page, or as much of it as a search among many events finds: then there `has_more`.
  private static func page(
    _ history: SessionHistory, _ query: SessionEventQuery
  ) throws(Problem) -> HTTPResponse {
    var history = history
    var events: [ClientEvent] = []
    var cursor = history.cursor
    while events.count <= query.limit {
      let event = try readStore { () throws(StoreFailure) in try history.next() }
      if let event, query.wants(event, inStream: false) { events.append(event) }
      if events.count <= query.limit { cursor = history.cursor }
      if event == nil { break }
    }
    if history.isAtEnd {
      // What was not asked for is not to come later.
      if query.includesEphemeral != true { history.skipRemembered() }
      cursor = history.cursor
    }
    return .json(200) { json in
      json.beginObject()
      json.name("events")
      json.beginArray()
      for event in events.prefix(query.limit) { json.raw(event.json) }
      json.endArray()
      json.member("cursor", cursor.text)
      json.member("has_more", !history.isAtEnd)
      json.endObject()
    }
  }
}
