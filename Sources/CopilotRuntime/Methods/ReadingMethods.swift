internal import EventLoop
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Methods that tell how things are.
extension MethodCall {
  func messages() throws(CallFault) {
    let session = try existingSession()
    let limit = runtime.limits.maximumOutputBytes / 2
    readApart { [queries = runtime.hub.queries] () throws(StoreFailure) in
      try queries.messages(of: session.ref, maximumByteCount: limit)
    } then: { result in
      guard let result else {
        return fail(
          "the history has more than \(limit) bytes: read it by session.eventLog.read, in pages")
      }
      client.connection.answer(request.key, result: result)
    }
  }

  func metrics() throws(CallFault) {
    let session = try existingSession()
    answer { json in
      json.member("totalPremiumRequestCost", session.counts.calls)
      json.member("totalUserRequests", session.counts.userMessages)
      json.member("totalApiDurationMs", session.counts.apiMilliseconds)
      json.member("sessionStartTime", session.startedAt.millisecondText)
      json.name("codeChanges")
      json.beginObject()
      json.member("linesAdded", 0)
      json.member("linesRemoved", 0)
      json.member("filesModifiedCount", 0)
      json.name("filesModified")
      json.beginArray()
      json.endArray()
      json.endObject()
      json.modelMetrics(of: session)
      json.member("lastCallInputTokens", session.counts.lastInput.rawValue)
      json.member("lastCallOutputTokens", session.counts.lastOutput.rawValue)
      json.member("totalNanoAiu", session.total.rawValue)
      if let model = session.model { json.member("currentModel", model.description) }
      json.member("aiCreditsStatus", session.creditsStatus.rawValue)
    }
  }

  func snapshot() throws(CallFault) {
    let session = try existingSession()
    let text = try sessionText(session)
    answer { json in
      json.member("sessionId", session.id.description)
      json.member("startTime", session.startedAt.millisecondText)
      json.member("modifiedTime", session.updatedAt.millisecondText)
      json.member("isRemote", false)
      json.member("alreadyInUse", runtime.clients(of: session.ref).contains { $0 !== client })
      json.nullMember("workspacePath")
      // Every SDK takes this for a text that is always there.
      json.member("workingDirectory", text.workingDirectory ?? "")
      json.member("currentMode", "interactive")
      json.sessionLimits(session.limit)
      json.nullMember("workspace")
      if let model = session.model { json.member("selectedModel", model.description) }
    }
  }

  func listSessions() throws(CallFault) {
    let filter = parameters["filter"].map(Parameters.init)
    let directory = try filter?.optionalText("cwd")
    // Nothing is known of repositories, so that no session is in the one asked for.
    let names: [StaticString] = ["gitRoot", "repository", "branch"]
    let isNowhere = names.contains { filter?[$0] != nil }
    readApart { [queries = runtime.hub.queries, viewer = address] () throws(StoreFailure) in
      let sessions = isNowhere ? [] : try queries.listed(as: viewer)
      return try queries.list(of: sessions, in: directory)
    } then: {
      client.connection.answer(request.key, result: $0)
    }
  }

  func metadata() throws(CallFault) {
    guard let session = try? existingSession() else {
      _ = try parameters.requiredText("sessionId")
      return answer { _ in }
    }
    answer { json in
      json.name("session")
      json.entry(of: session, try? sessionText(session))
    }
  }

  func lastID() throws(CallFault) {
    readApart { [queries = runtime.hub.queries, viewer = address] () throws(StoreFailure) in
      try queries.listed(as: viewer)
        .max { ($0.updatedAt, $0.ref) < ($1.updatedAt, $1.ref) }
    } then: { last in
      answer { if let last { $0.member("sessionId", last.id.description) } }
    }
  }

  func foreground() throws(CallFault) { answer { _ in } }

  /// Reads what may take long on a thread of its own, where there are such, and goes on with it here.
  func readApart<Value: Sendable>(
    _ read: @escaping @Sendable () throws(StoreFailure) -> Value,
    then complete: @escaping (Value) -> Void
  ) {
    let whole: @Sendable () -> Result<Value, StoreFailure> = {
      Result { () throws(StoreFailure) in try read() }
    }
    let finish = { (result: Result<Value, StoreFailure>) in
      goOn {
        switch result {
        case .success(let value): complete(value)
        case .failure(let failure): fail(failure.description)
        }
      }
    }
    guard let desk = runtime.readingDesk else { return finish(whole()) }
    guard desk.ask(for: client.identity?.user, whole, finish) else {
      return fail("too many of your questions wait for their answers")
    }
  }

  private func sessionText(_ session: Session) throws(CallFault) -> SessionText {
    try reading { () throws(StoreFailure) in
      SessionText(try runtime.hub.queries.text(of: session.ref, at: session.ref.position))
    }
  }

  func reading<Result>(
    _ body: () throws(StoreFailure) -> Result
  ) throws(CallFault) -> Result {
    do { return try body() } catch { throw .text(error.description) }
  }

  // MARK: The event log

  func readEvents() throws(CallFault) {
    let session = try existingSession()
    let query = try EventQuery(parameters)
    let wait = try parameters.integer("waitMs", in: 0...30_000) ?? 0
    let reader = runtime.hub.pageReader(of: session.ref, query)
    // What happens while the page is read is in none: it is listened for from now on.
    let event = wait > 0 ? awaitEvent(of: session.ref, query, milliseconds: Int(wait)) : nil
    readApart { () throws(StoreFailure) in
      try reader.page()
    } then: { page in
      guard let event else { return answer(with: page) }
      guard page.events.isEmpty, !page.hasMore else {
        event.end()
        return answer(with: page)
      }
      event.whenEnded { answerLater(of: session.ref, query) { answer(with: $0) } }
    }
  }

  private func answerLater(
    of ref: SessionRef, _ query: EventQuery, _ complete: @escaping (SessionEventPage) -> Void
  ) {
    let reader = runtime.hub.pageReader(of: ref, query)
    readApart({ () throws(StoreFailure) in try reader.page() }, then: complete)
  }

  func tailEvents() throws(CallFault) {
    let session = try existingSession()
    let cursor = runtime.hub.tail(of: session)
    answer { $0.member("cursor", cursor) }
  }

  private func answer(with page: SessionEventPage) {
    answer { json in
      json.name("events")
      json.beginArray()
      for event in page.events { json.raw(event.json) }
      json.endArray()
      json.member("cursor", page.cursor)
      json.member("hasMore", page.hasMore)
      json.member("cursorStatus", page.isExpired ? "expired" : "ok")
    }
  }

  /// Listens for an event that the query asks for, until the time is over.
  private func awaitEvent(
    of ref: SessionRef, _ query: EventQuery, milliseconds: Int
  ) -> EventWait {
    let wait = EventWait(runtime.hub)
    wait.timer = try? runtime.loop.schedule(after: milliseconds) { wait.end() }
    wait.subscription = runtime.hub.subscribe(to: ref) { [runtime] live in
      guard query.fits(live.event) else { return }
      // Whoever passes the event on must not be kept from it.
      runtime.loop.runAfterCallback { wait.end() }
    }
    return wait
  }

  private final class EventWait {
    var timer: LoopTimer?
    var subscription: SessionHub.SubscriptionID?
    private let hub: SessionHub
    private var hasEnded = false
    private var body: (() -> Void)?

    init(_ hub: SessionHub) { self.hub = hub }

    /// Calls `body` at the end, at once where that was before.
    func whenEnded(_ body: @escaping () -> Void) {
      if hasEnded { body() } else { self.body = body }
    }

    func end() {
      guard !hasEnded else { return }
      hasEnded = true
      timer?.cancel()
      // The timer keeps what it calls, and that keeps this.
      timer = nil
      if let subscription { hub.unsubscribe(subscription) }
      let body = body
      self.body = nil
      body?()
    }
  }
}

extension EventQuery {
  init(_ parameters: Parameters) throws(CallFault) {
    self.init()
    cursor = try parameters.optionalText("cursor")
    limit = Int(try parameters.integer("max", in: 1...1000) ?? 200)
    includesEphemeral = try parameters.bool("includeEphemeral") ?? false
    switch try parameters.optionalText("direction") {
    case nil, "forward": break
    case "backward": isBackward = true
    default: throw .text("direction must be forward or backward")
    }
    guard let types = parameters["types"] else { return }
    if types.stringEquals("*") { return }
    guard types.kind == .array else { throw .text("types must be \"*\" or a list of strings") }
    var names: Set<String> = []
    for element in types.elements {
      guard let name = element.string else {
        throw .text("types must be \"*\" or a list of strings")
      }
      names.insert(name)
    }
    self.types = names
  }
}

extension JSONWriter {
  fileprivate mutating func entry(of session: Session, _ text: SessionText?) {
    beginObject()
    member("sessionId", session.id.description)
    member("startTime", session.startedAt.millisecondText)
    member("modifiedTime", session.updatedAt.millisecondText)
    member("isRemote", false)
    if let directory = text?.workingDirectory {
      name("context")
      beginObject()
      member("cwd", directory)
      endObject()
    }
    endObject()
  }
}

/// Answers that may be long, made on any thread.
extension Queries {
  /// A session's whole history; nil where it is longer than that.
  fileprivate func messages(
    of session: SessionRef, maximumByteCount: Int
  ) throws(StoreFailure) -> [UInt8]? {
    var events: [[UInt8]] = []
    var count = 0
    try pages(of: session) { (page) in
      events += page.map(\.json)
      count += page.reduce(0) { $0 + $1.json.count }
      return count <= maximumByteCount
    }
    guard count <= maximumByteCount else { return nil }
    var json = JSONWriter()
    json.reserveCapacity(count + 2 * events.count + 64)
    json.beginObject()
    json.name("events")
    json.beginArray()
    for event in events { json.raw(event) }
    json.endArray()
    json.endObject()
    return json.take()
  }

  /// The sessions that are listed for somebody.
  fileprivate func listed(as viewer: SessionViewer) throws(StoreFailure) -> [Session] {
    try sessions(as: viewer, limit: 10_000)
  }

  /// The list of those that work in a directory, or of all.
  fileprivate func list(
    of sessions: [Session], in directory: String?
  ) throws(StoreFailure) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.name("sessions")
    json.beginArray()
    for session in sessions {
      let text = SessionText(try text(of: session.ref, at: session.ref.position))
      guard directory == nil || text.workingDirectory == directory else { continue }
      json.entry(of: session, text)
    }
    json.endArray()
    json.endObject()
    return json.take()
  }
}
