internal import EventJSON
internal import JSON
internal import QuotaAPI
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let explain = Subcommand(
    "explain", arguments: "USER",
    summary: "Tells which events make a user's number, or why a call was refused.",
    options: [
      Option("period", "PERIOD", "\(Period.allNames) (daily)"),
      Option("date", "YYYY-MM-DD", "the window that this local date lies in (today)"),
      Option("refusal", "POSITION", "the refused call to be explained, as `quotalog log` shows it"),
    ]
  ) { (arguments) throws(ExitFailure) in
    let user = UserReference(try arguments.expect("USER")[0])
    let store = try OpenStore.forReading(arguments)
    let queries = Queries(store)
    let request = try explanationRequest(user, arguments)
    var page = try explained(request, queries)
    if !arguments.wantsJSON { sayHead(page) }
    while true {
      if arguments.wantsJSON { print(page) } else { sayEvents(page) }
      guard page.hasMore else { break }
      // What is appended meanwhile belongs to no page: all of them are of one position.
      page = try usingStore { () throws(StoreFailure) in
        try queries.next(page, limit: request.limit)
      }
    }
    if !arguments.wantsJSON { sayHolds(page) }
    try store.finish()
  }

  private static func explanationRequest(
    _ user: UserReference, _ arguments: Arguments
  ) throws(ExitFailure) -> ExplanationRequest {
    var request = ExplanationRequest(user: user)
    request.limit = 1000
    if let name = try arguments.value("period") {
      guard let period = Period(name: name) else {
        throw .usage("--period must be \(Period.allNames), not \(name)")
      }
      request.period = period
    }
    if let text = try arguments.value("date") {
      guard let date = try? CalendarDate(text), (1970...9998).contains(date.year) else {
        throw .usage("--date must be a date like 2026-11-20, not \(text)")
      }
      request.date = date
    }
    if let position = try arguments.number("refusal", in: 1...Int64.max) {
      request.refusal = Position(UInt64(position))
    }
    return request
  }

  private static func explained(
    _ request: ExplanationRequest, _ queries: Queries
  ) throws(ExitFailure) -> Explanation {
    let result = try usingStore { () throws(StoreFailure) in
      try queries.explain(request, now: System.clock())
    }
    switch result {
    case .success(let explanation): return explanation
    case .failure(.unknownUser): throw QuotalogFailure.of(.unknownUser)
    case .failure(.notARefusal):
      throw ExitFailure(
        .badData, "no call of this user was refused there: see `quotalog log --type spend_refused`")
    }
  }

  private static func print(_ page: Explanation) {
    var json = JSONWriter()
    json.explanation(page)
    json.newline()
    Terminal.write(json.take())
  }

  private static func sayHead(_ page: Explanation) {
    let calendar = page.calendar
    Terminal.say(
      "user \(page.user), \(page.window.period.name) window from "
        + "\(calendar.text(of: page.window.start)) until \(calendar.text(of: page.window.end))")
    if let refusal = page.refusal { Terminal.say(EventLine.text(of: refusal)) }
    Terminal.say(
      "\(page.used.map { grouped($0.rawValue) } ?? "many") tokens used, \(grouped(page.reserved.rawValue)) held, "
        + "at position \(page.position); these events make it:")
  }

  private static func sayEvents(_ page: Explanation) {
    for spend in page.spends {
      let sign = spend.tokens < 0 ? "-" : "+"
      Terminal.say(
        pad(spend.event.position.description, to: 10)
          + pad(sign + grouped(abs(spend.tokens)), to: 16)
          + pad(spend.event.fact.kind.name, to: 24) + spend.event.happenedAt.rfc3339)
    }
  }

  private static func sayHolds(_ page: Explanation) {
    for hold in page.holds {
      Terminal.say(
        pad("held", to: 10) + pad(grouped(hold.tokens.rawValue), to: 16)
          + pad("hold \(hold.id)", to: 24) + "until " + hold.expiresAt.rfc3339)
    }
    if page.hasMoreHolds { Terminal.say("and more holds") }
  }
}
