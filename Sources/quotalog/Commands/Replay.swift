internal import EventJSON
internal import Glibc
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let replay = Subcommand(
    "replay",
    summary: "Prints history day by day, and how a user's or a session's number came about.",
    options: [
      Option("user", "USER", "only events of this user, with what the windows hold after each"),
      Option("session", "ID", "only events of this session (or its number), with what is used"),
      Option("type", "TYPE", "only events of this type, such as tokens_spent; may be repeated"),
      Option("from", "WHERE", "a position, a date, or an RFC 3339 time: the first of interest"),
      Option("to", "WHERE", "a position, a date, or an RFC 3339 time: the last of interest"),
      Option("limit", "COUNT", "at most so many events (all)"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let limit = try arguments.number("limit", in: 1...Int64.max) ?? .max
    let store = try OpenStore.forReading(arguments)
    var replay = try Replay(arguments, Queries(store), limit: limit)
    try replay.run()
    try store.finish()
  }
}

/// Goes through a stretch of history once, a page at a time.
private struct Replay {
  private static let pageLength = 1000

  private let queries: Queries
  private var filter = EventFilter()
  /// The last position before those that are shown: running totals begin before.
  private let start: Position
  private let user: UserID?
  private let kinds: Set<EventKind>?
  private var left: Int64
  private var totals: RunningTotals?
  private var printer: any ReplayPrinter
  private let bar: ProgressBar?

  init(_ arguments: Arguments, _ queries: Queries, limit: Int64) throws(ExitFailure) {
    self.queries = queries
    left = limit
    filter.limit = Self.pageLength
    user = try arguments.user(queries)
    filter.session = try arguments.session(queries)
    // What a session used is made by all of its events.
    if filter.session == nil { filter.user = user }
    kinds = try arguments.kinds()
    let head = try usingStore { () throws(StoreFailure) in try queries.head() }
    let from = try HistoryEnd("from", arguments, queries)
    let to = try HistoryEnd("to", arguments, queries)
    start = try from?.start(queries) ?? .zero
    filter.until = min(head, try to?.end(queries) ?? head)
    let calendar = try usingStore { () throws(StoreFailure) in try queries.calendar() }
    if arguments.wantsJSON {
      printer = LinePrinter()
    } else {
      totals = RunningTotals(of: filter, queries, calendar)
      printer = DayPrinter(calendar)
    }
    // Without totals nothing before the first event matters, and the search may leave kinds out.
    if totals == nil {
      filter.after = start
      filter.kinds = kinds
    }
    bar = Terminal.isInteractive ? nil : ProgressBar("replaying")
  }

  mutating func run() throws(ExitFailure) {
    defer { bar?.end() }
    var hasMore = filter.after < filter.until
    while hasMore, left > 0 {
      let page = try usingStore { () throws(StoreFailure) in try queries.events(filter) }
      for event in page.events where left > 0 { try take(event) }
      guard try Output.standard.takes(printer.take()) else { return }
      filter.after = page.nextAfter
      hasMore = page.hasMore
      bar?.show(min(filter.after, filter.until).rawValue, of: filter.until.rawValue)
    }
    printer.end()
    _ = try Output.standard.takes(printer.take())
  }

  private mutating func take(_ event: Event) throws(ExitFailure) {
    try totals?.take(event)
    guard event.position > start, event.position <= filter.until,
      kinds?.contains(event.fact.kind) ?? true, user == nil || event.fact.user == user
    else { return }
    printer.print(event, totals?.text(after: event))
    left -= 1
  }
}

/// How events are printed.
private protocol ReplayPrinter {
  mutating func print(_ event: Event, _ totals: String?)
  /// Nothing more comes.
  mutating func end()
  /// What has been printed since the last time.
  mutating func take() -> [UInt8]
}

/// One JSON object a line, as exports have them.
private struct LinePrinter: ReplayPrinter {
  private var json = JSONWriter()

  mutating func print(_ event: Event, _ totals: String?) {
    json.event(event)
    json.newline()
  }

  mutating func end() {}

  mutating func take() -> [UInt8] { json.take() }
}

/// One line an event below the day that it was recorded on, and a sum at the end.
private struct DayPrinter: ReplayPrinter {
  private let calendar: QuotaCalendar
  private var day: Window?
  private var text = ""
  private var count: UInt64 = 0
  private var tokens: Int128 = 0
  private var range: (first: Position, last: Position)?

  init(_ calendar: QuotaCalendar) { self.calendar = calendar }

  mutating func print(_ event: Event, _ totals: String?) {
    if day?.contains(event.recordedAt) != true { beginDay(of: event.recordedAt) }
    text += EventLine.text(of: event) + (totals.map { "  " + $0 } ?? "") + "\n"
    count += 1
    tokens += Int128(event.fact.usageChange?.difference ?? 0)
    range = (range?.first ?? event.position, event.position)
  }

  mutating func end() {
    guard let range else {
      text += "no events\n"
      return
    }
    let events = count == 1 ? "event" : "events"
    text += Terminal.coloured(
      "\(grouped(count)) \(events), \(grouped(tokens)) tokens, positions \(range.first) to "
        + "\(range.last)", .grey)
    text += "\n"
  }

  mutating func take() -> [UInt8] {
    defer { text = "" }
    return Array(text.utf8)
  }

  private mutating func beginDay(of moment: Moment) {
    day = calendar.window(.daily, containing: moment)
    let weekday = calendar.weekday(of: moment).name
    text += Terminal.coloured("── \(calendar.date(of: moment).text), \(weekday) ──", .green) + "\n"
  }
}
