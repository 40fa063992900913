internal import EventJSON
internal import QuotaModel
internal import QuotaService

/// What a number was after each of the events that made it: folded from the log alone, beside the
/// projection that answers otherwise.
enum RunningTotals {
  case session(Session?)
  case user(UserTotals)

  /// nil for events that have no number in common.
  init?(of filter: EventFilter, _ queries: Queries, _ calendar: QuotaCalendar) {
    if filter.session != nil {
      self = .session(nil)
    } else if filter.user != nil {
      self = .user(UserTotals(queries, calendar))
    } else {
      return nil
    }
  }

  mutating func take(_ event: Event) throws(ExitFailure) {
    switch self {
    case .session(var session):
      session.apply(event.fact, at: event.position, recordedAt: event.recordedAt)
      self = .session(session)
    case .user(var totals):
      try totals.take(event)
      self = .user(totals)
    }
  }

  func text(after event: Event) -> String? {
    switch self {
    case .session(let session): session.map(Self.text(of:))
    case .user(let totals): totals.text(after: event)
    }
  }

  private static func text(of session: Session) -> String {
    let used = "\(session.used.credits) credits"
    guard let limit = session.limit else { return "→ \(used), no cap" }
    return Terminal.coloured(
      "→ \(used) of \(limit.credits)", session.isExhausted ? .red : .green)
  }
}

/// A user's windows, event by event.
struct UserTotals {
  private let queries: Queries
  private let calendar: QuotaCalendar
  /// nil before the user was registered.
  private var fold: AccountFold?
  private var policy = SystemPolicy()

  init(_ queries: Queries, _ calendar: QuotaCalendar) {
    self.queries = queries
    self.calendar = calendar
  }

  mutating func take(_ event: Event) throws(ExitFailure) {
    fold.apply(event.fact, at: event.position, happenedAt: event.happenedAt, in: calendar)
    let point = PastPoint(position: event.position, moment: event.decidedAt ?? event.recordedAt)
    policy = try usingStore { () throws(StoreFailure) in try queries.defaults(at: point) }
  }

  /// What the windows hold that the event happened in.
  func text(after event: Event) -> String? {
    guard let fold else { return nil }
    let windows = windows(of: event)
    let used = fold.used(in: windows, defaults: self.policy.limits)
    let policy = fold.account.policy(
      defaults: self.policy, allowances: fold.allowances, in: windows)
    let parts = policy.shownPeriods.map { text($0, used[$0], of: policy.limits[$0]) }
    let held = fold.account.reserved
    return "→ " + parts.joined(separator: ", ")
      + (held > .zero ? ", \(grouped(held.rawValue)) held" : "")
  }

  private func windows(of event: Event) -> PerPeriod<Window> {
    PerPeriod { calendar.window($0, containing: event.happenedAt) }
  }

  private func text(_ period: Period, _ used: TokenCount, of limit: TokenLimit) -> String {
    guard !limit.isUnlimited else {
      return "\(period.name) \(grouped(used.rawValue)) (no limit)"
    }
    return Terminal.coloured(
      "\(period.name) \(grouped(used.rawValue)) of \(grouped(limit.rawValue))",
      used.rawValue >= limit.rawValue ? .red : .green)
  }
}
