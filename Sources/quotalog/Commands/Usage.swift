internal import EventJSON
internal import JSON
internal import QuotaAPI
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let usage = Subcommand(
    "usage", arguments: "USER",
    summary: "Shows what a user's day, week and month hold.",
    options: [
      Option("date", "YYYY-MM-DD", "the windows that this local date lies in (today)"),
      Option("as-of", "POSITION|TIME", "as it was after an event, or at a moment (RFC 3339)"),
    ]
  ) { (arguments) throws(ExitFailure) in
    let user = UserReference(try arguments.expect("USER")[0])
    var date: CalendarDate?
    if let text = try arguments.value("date") {
      do { date = try CalendarDate(text) } catch { throw .usage("--date: \(error)") }
    }
    let store = try OpenStore.forReading(arguments)
    let queries = Queries(store)
    let point = try AsOfOption.point(arguments, queries)
    let now = System.clock()
    let reading = try usingStore { () throws(StoreFailure) -> UsageReading? in
      if let point {
        // Without a limit nothing takes too long.
        guard case .success(let past) = try queries.usage(of: user, at: point, on: date) else {
          return nil
        }
        return past
      }
      if let date { return try queries.usage(of: user, on: date) }
      return try queries.usage(of: user, at: now)
    }
    try store.finish()
    guard let reading else { throw unknown(at: point) }
    if arguments.wantsJSON {
      var json = JSONWriter()
      json.usage(reading, at: point?.moment ?? now)
      json.newline()
      Terminal.write(json.take())
    } else {
      show(reading)
    }
  }

  private static func unknown(at point: PastPoint?) -> ExitFailure {
    guard let point else { return QuotalogFailure.of(.unknownUser) }
    return ExitFailure(
      .badData,
      "--as-of: nobody had this id or name at position \(point.position): see `quotalog user list`, and "
        + "`quotalog log` for when somebody was registered")
  }

  private static func show(_ reading: UsageReading) {
    Terminal.say(
      "user \(reading.account.user), \(reading.calendar.zone.name), "
        + "at position \(reading.position)")
    for period in reading.policy.shownPeriods { Terminal.say(line(period, reading)) }
    if reading.account.reserved > .zero {
      Terminal.say("reserved by open holds: \(grouped(reading.account.reserved.rawValue))")
    }
  }

  private static func line(_ period: Period, _ reading: UsageReading) -> String {
    let used = reading.used[period]
    let limit = reading.policy.limits[period]
    let window = reading.windows[period]
    let numbers =
      "\(grouped(used.rawValue)) of \(limit.isUnlimited ? "unlimited" : grouped(limit.rawValue))"
    return pad(period.name, to: 8) + bar(used, limit) + " " + pad(numbers, to: 28)
      + " until " + reading.calendar.text(of: window.end)
  }

  private static func bar(_ used: TokenCount, _ limit: TokenLimit) -> String {
    UsageBar.text(
      used.rawValue, of: limit.isUnlimited ? nil : limit.rawValue,
      width: min(30, max(10, Terminal.width - 72)))
  }
}

/// `--as-of POSITION|TIME`
enum AsOfOption {
  /// The point of history that is asked about; nil: now.
  static func point(
    _ arguments: Arguments, _ queries: Queries
  ) throws(ExitFailure) -> PastPoint? {
    guard let text = try arguments.value("as-of") else { return nil }
    guard let asked = PointInTime(text) else {
      throw .usage(
        "--as-of must be a position or a moment such as 2026-11-20T21:00:00Z, not \(text)")
    }
    let found = try usingStore { () throws(StoreFailure) in
      try queries.resolve(asked, now: System.clock())
    }
    switch found {
    case .success(let point): return point
    case .failure(let fault): throw ExitFailure(.badData, "--as-of \(fault)")
    }
  }
}
