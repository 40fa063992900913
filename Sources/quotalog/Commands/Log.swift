internal import EventJSON
internal import Glibc
internal import JSON
internal import QuotaModel
internal import QuotaService

extension Subcommand {
  static let log = Subcommand(
    "log",
    summary: "Prints events, one a line.",
    options: [
      Option("follow", nil, "go on with what is appended, until interrupted"),
      Option("after", "POSITION", "only events behind this position (0)"),
      Option("limit", "COUNT", "at most so many (all)"),
      Option("user", "USER", "only events that concern this user"),
      Option("type", "TYPE", "only events of this type, such as limits_changed"),
    ]
  ) { (arguments) throws(ExitFailure) in
    _ = try arguments.expect()
    let store =
      try arguments.has("follow")
      ? OpenStore.besideAServer(arguments) : OpenStore.forReading(arguments)
    let queries = Queries(store)
    var filter = try filter(arguments, queries)
    var left = try arguments.number("limit", in: 1...Int64.max) ?? .max
    while left > 0 {
      filter.limit = Int(min(left, 1000))
      let page = try usingStore { () throws(StoreFailure) in try queries.events(filter) }
      for event in page.events { print(event, arguments.wantsJSON) }
      left -= Int64(page.events.count)
      filter.after = page.nextAfter
      if page.hasMore { continue }
      guard arguments.has("follow") else { break }
      usleep(100_000)
    }
    try store.finish()
  }

  private static func filter(
    _ arguments: Arguments, _ queries: Queries
  ) throws(ExitFailure) -> EventFilter {
    var filter = EventFilter()
    if let after = try arguments.number("after", in: 0...Int64.max) {
      filter.after = Position(UInt64(after))
    }
    filter.user = try arguments.user(queries)
    filter.kinds = try arguments.kinds()
    return filter
  }

  private static func print(_ event: Event, _ wantsJSON: Bool) {
    var json = JSONWriter()
    json.event(event)
    guard !wantsJSON else {
      json.newline()
      return Terminal.write(json.take())
    }
    Terminal.say(EventLine.text(of: event))
  }
}

/// An event for people to read.
enum EventLine {
  static func text(of event: Event) -> String {
    let head = "\(pad(event.position.description, to: 8)) \(event.recordedAt.rfc3339) "
    return head + pad(event.fact.kind.name, to: 17) + body(of: event)
  }

  private static func body(of event: Event) -> String {
    let user = event.fact.user.map { " \($0)" } ?? ""
    let actor: String
    switch event.actor {
    case .service: actor = "the service"
    case .operator: actor = "the operator"
    case .user(let user): actor = user.description
    }
    return user + detail(of: event.fact) + Terminal.coloured("  by \(actor)", .grey)
  }

  private static func detail(of fact: Fact) -> String {
    switch fact {
    case .userRegistered(_, let role): " as \(role.name)"
    case .userDeactivated, .userReactivated, .userErased: ""
    case .roleChanged(_, let old, let new): " \(old.name) → \(new.name)"
    case .tokenIssued(let issue):
      " token \(issue.token)\(issue.expiresAt.map { " until \($0.rfc3339)" } ?? "")"
    case .tokenRevoked(let token, user: _): " token \(token)"
    case .defaultsChanged(let changes), .limitsChanged(_, let changes): text(of: changes)
    case .calendarChanged(let setting): " \(setting.zone), weeks from \(setting.weekStart.name)"
    case .tokensSpent(let spend): text(of: spend)
    case .spendHeld(let hold):
      " \(grouped(hold.tokens.rawValue)) tokens until \(hold.expiresAt.rfc3339)"
    case .holdSettled(let hold, let settlement), .holdDrawn(let hold, let settlement):
      " hold \(hold)\(text(of: settlement))"
    case .holdExtended(let hold, user: _, let expiresAt):
      " hold \(hold) until \(expiresAt.rfc3339)"
    case .holdVoided(let hold, user: _), .holdExpired(let hold, user: _): " hold \(hold)"
    case .spendRefused(let refusal), .spendShadowed(let refusal): text(of: refusal)
    case .usageCorrected(let correction):
      " event \(correction.corrected): \(grouped(correction.old.rawValue)) → "
        + "\(grouped(correction.usage.total.rawValue)) tokens"
    case .modesChanged(_, let changes): text(of: changes)
    case .allowanceGranted(let allowance):
      " \(grouped(allowance.tokens.rawValue)) tokens on top of \(allowance.period.name)"
    case .limitsScheduled(let change): text(of: change)
    case .scheduleEnded(let schedule, user: _, let wasApplied):
      " schedule \(schedule) \(wasApplied ? "applied" : "cancelled")"
    case .thresholdCrossed(let crossing):
      " \(crossing.period.name) \(crossing.percent) %: "
        + "\(grouped(crossing.used.rawValue)) of \(crossing.limit)"
    case .sessionStarted(let start): detail(of: start)
    case .session(let session, let fact): " session \(session)\(detail(of: fact))"
    case .budgetChanged(let change): detail(of: change)
    }
  }

  static func text(of violations: [Violation]) -> String {
    violations.map { violation in
      " \(violation.period.name) \(grouped(violation.used.rawValue)) + "
        + "\(grouped(violation.reserved.rawValue)) reserved of \(grouped(violation.limit.rawValue))"
    }.joined(separator: ",")
  }

  private static func text(of refusal: Refusal) -> String {
    let asked = [
      refusal.estimate.map { "\(grouped($0.rawValue)) tokens" },
      refusal.credits.map { "\($0.credits) credits" },
    ].compactMap { $0 }.joined(separator: " and ")
    let limits = [text(of: refusal.violations), text(of: refusal.creditViolations)]
    return (asked.isEmpty ? "" : " \(asked) asked:")
      + limits.filter { !$0.isEmpty }.joined(separator: ",")
  }

  private static func text(of violations: [CreditViolation]) -> String {
    violations.map { violation in
      " \(violation.budget.map { "budget \($0)" } ?? "session") \(violation.used.credits) + "
        + "\(violation.reserved.credits) reserved of \(violation.limit.credits) credits"
    }.joined(separator: ",")
  }

  private static func text(of settlement: Settlement) -> String {
    text(of: settlement.spend)
      + (settlement.overage > .zero ? ", \(grouped(settlement.overage.rawValue)) over" : "")
      + (settlement.isLate ? ", late" : "")
  }

  private static func text(of changes: [ModeChange]) -> String {
    changes.map { change in
      let (old, new) = (change.old?.name ?? "default", change.new?.name ?? "default")
      return " \(change.period.name) \(old) → \(new)"
    }.joined(separator: ",")
  }

  private static func text(of change: ScheduledChange) -> String {
    let limits = Period.allCases.compactMap { (period) -> String? in
      switch change.updates[period] {
      case .keep: nil
      case .unset: " \(period.name) → default"
      case .set(let limit): " \(period.name) → \(limit)"
      }
    }
    return limits.joined(separator: ",") + " from \(change.effectiveAt.rfc3339)"
  }

  private static func text(of spend: Spend) -> String {
    " \(grouped(spend.usage.total.rawValue)) tokens\(spend.model.map { " \($0)" } ?? "")"
  }

  private static func text(of changes: [LimitChange]) -> String {
    changes.map { change in
      let old = change.old?.description ?? "default"
      let new = change.new?.description ?? "default"
      return " \(change.period.name) \(old) → \(new)"
    }.joined(separator: ",")
  }
}
