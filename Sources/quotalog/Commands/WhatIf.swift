internal import EventJSON
internal import JSON
internal import QuotaAPI
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let whatIf = Subcommand(
    "whatif",
    summary:
      "Replays what was really spent under other limits: who would have been refused, and when.",
    options: Period.allCases.map {
      Option($0.name, "LIMIT", "tokens a \($0.noun), for everybody (no limit)")
    } + [
      Option(
        "mode", "MODE", "hard: what does not fit is refused; soft: once nothing is left (hard)"),
      Option("since", "TIME", "from this date or RFC 3339 time on (the beginning)"),
      Option("until", "TIME", "only what happened before (the end)"),
      Option("user", "USER", "only this user"),
      Option("top", "COUNT", "so many of those who would have lost most (20)"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let policy = try policy(arguments)
    let top = try arguments.number("top", in: 1...1_000_000) ?? 20
    let store = try OpenStore.forReading(arguments)
    let queries = Queries(store)
    let since = try moment("since", arguments, queries) ?? Moment(microseconds: 0)
    let until = try moment("until", arguments, queries) ?? Moment(microseconds: .max)
    var user: UserID?
    if let text = try arguments.value("user") {
      let found = try usingStore { () throws(StoreFailure) in
        try queries.user(UserReference(text))
      }
      guard let found else { throw QuotalogFailure.of(.unknownUser) }
      user = found.account.user
    }
    let bar = ProgressBar("replaying")
    let (outcome, position) = try usingStore { () throws(StoreFailure) in
      try queries.whatIf(policy, since: since, until: until, user: user) { bar.show($0, of: $1) }
    }
    bar.end()
    let report = WhatIfReport(outcome, at: position)
    if arguments.wantsJSON { report.print() } else { try report.say(top: Int(top), queries) }
    try store.finish()
  }

  private static func policy(_ arguments: Arguments) throws(ExitFailure) -> Policy {
    let limits = try Limits { (period) throws(ExitFailure) in
      let name = period.name
      guard let text = try arguments.value(name), text != "unlimited" else { return .unlimited }
      guard let number = Int64(text), number >= 0, let limit = TokenLimit(number) else {
        throw .usage("--\(name) must be unlimited, or a number from 0 to 9007199254740991")
      }
      return limit
    }
    guard limits != .unlimited else {
      throw .usage("give at least one of \(Period.allOptions)")
    }
    switch try arguments.value("mode") {
    case nil, "hard": return Policy(limits: limits)
    case "soft": return Policy(limits: limits, modes: Modes(repeating: .soft))
    case let text?: throw .usage("--mode must be hard or soft, not \(text)")
    }
  }

  /// A local date, or a time by RFC 3339.
  private static func moment(
    _ name: String, _ arguments: Arguments, _ queries: Queries
  ) throws(ExitFailure) -> Moment? {
    guard let text = try arguments.value(name) else { return nil }
    if let moment = try? Moment(rfc3339: text) { return moment }
    let moment = try usingStore { () throws(StoreFailure) in try queries.moment(ofDate: text) }
    guard let moment else {
      throw .usage(
        "--\(name) must be a date like 2026-11-20 or a time like 2026-11-20T08:00:00Z, not \(text)")
    }
    return moment
  }
}

/// What a replay under other limits has found, worst first.
private struct WhatIfReport {
  private let users: [(user: UserID, found: WhatIfUser)]
  private let position: Position

  init(_ outcome: WhatIf, at position: Position) {
    users = outcome.users.map { ($0.key, $0.value) }.sorted {
      ($0.found.refusedTokens, $1.user) > ($1.found.refusedTokens, $0.user)
    }
    self.position = position
  }

  private var refused: [(user: UserID, found: WhatIfUser)] {
    users.filter { $0.found.refusedCalls > 0 }
  }

  func say(top: Int, _ queries: Queries) throws(ExitFailure) {
    let calls = users.reduce(0) { $0 + $1.found.calls }
    let tokens = users.reduce(0) { $0 + $1.found.tokens.rawValue }
    let refusedCalls = refused.reduce(0) { $0 + $1.found.refusedCalls }
    let refusedTokens = refused.reduce(0) { $0 + $1.found.refusedTokens.rawValue }
    Terminal.say(
      "\(refused.count) of \(users.count) users would have been refused, "
        + "\(grouped(refusedCalls)) of \(grouped(calls)) calls, "
        + "\(grouped(refusedTokens)) of \(grouped(tokens)) tokens; at position \(position)")
    for (user, found) in refused.prefix(top) {
      let name = try usingStore { () throws(StoreFailure) in try queries.name(of: user) }
      Terminal.say(line(name?.description ?? user.description, found))
    }
    if refused.count > top { Terminal.say("and \(refused.count - top) more (--top, --json)") }
  }

  private func line(_ name: String, _ found: WhatIfUser) -> String {
    let bar = UsageBar.text(found.refusedTokens.rawValue, of: found.tokens.rawValue, width: 12)
    let counts =
      "\(grouped(found.refusedCalls)) calls, \(grouped(found.refusedTokens.rawValue)) tokens"
    guard let first = found.first else { return name }
    return pad(name, to: 37) + bar + " " + pad(counts, to: 34)
      + "first at \(first.moment.rfc3339), \(first.violation.period.name)"
  }

  /// One line for each user, those who lose nothing as well.
  func print() {
    var json = JSONWriter()
    for (user, found) in users {
      json.whatIf(user, found)
      json.newline()
    }
    Terminal.write(json.take())
  }
}

extension Period {
  /// `--daily, --weekly, --monthly and --yearly`
  static var allOptions: String {
    let names = allCases.map { "--\($0.name)" }
    return names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
  }
}
