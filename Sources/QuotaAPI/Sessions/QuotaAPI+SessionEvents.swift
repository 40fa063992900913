internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

extension QuotaAPI {
  /// Events that a search for rare types looks at before it answers with what it has.
  private static let maximumScanCount = 20_000

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
    if let place = query.cursor.place, place > session.lastEvent {
      throw .invalid("after", "lies behind the session's last event")
    }
    if form == "application/json" { return try page(of: session, query) }
    guard !query.isInterested || call.caller.role.mayChangeSessions else {
      throw Problem(
        403, "forbidden", "the role \(call.caller.role.name) may not answer", member: "interest")
    }
    beginStream(of: session, query, call)
    return nil
  }

  private func beginStream(
    of session: Session, _ query: SessionEventQuery, _ call: SessionCall
  ) {
    let head = finish(
      HTTPResponse(status: 200, headers: EventStreamWriter.headers), for: call.request)
    let handle = server?.beginStream(call.reply, status: head.status, headers: head.headers)
    guard let handle else { return }
    streams.begin(handle, of: session.ref, query) { [unowned self] in
      isStillAllowed(call.request, as: call.caller)
    }
  }

  /// Whether the token of a request is worth what it was.
  func isStillAllowed(_ request: HTTPRequest, as known: Caller) -> Bool {
    do throws(Unauthenticated) {
      return try caller(of: request) == known
    } catch {
      if case .unavailable = error { return true }
      return false
    }
  }

  private func page(
    of session: Session, _ query: SessionEventQuery
  ) throws(Problem) -> HTTPResponse {
    var history = SessionHistory(of: session.ref, after: query.cursor, hub)
    var events: [ClientEvent] = []
    var cursor = history.cursor
    var looked = 0
    var hasMore = true
    while events.count <= query.limit, looked < Self.maximumScanCount {
      let event = try reading { () throws(StoreFailure) in try history.next() }
      guard let event else {
        hasMore = false
        break
      }
      looked += 1
      if query.wants(event, inStream: false) { events.append(event) }
      if events.count <= query.limit { cursor = history.cursor }
    }
    if !hasMore {
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
      json.member("has_more", hasMore)
      json.endObject()
    }
  }
}
