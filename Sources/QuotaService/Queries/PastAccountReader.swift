internal import EventLog
internal import Projections
internal import QuotaModel

/// Folds one account up to a point of history: from the kept state that lies nearest before it, through the
/// account's own events.
struct PastAccountReader {
  /// What held for everybody.
  let system: SystemState
  let calendar: QuotaCalendar
  let windows: PerPeriod<Window>
  /// Whether the fold knows what each month of the year held.
  let knowsYears: Bool
  private let queries: Queries
  private let user: UserID
  private let point: PastPoint
  private let limit: Int
  /// nil: the account's events are folded from the first one on.
  private let base: PastAccount?
  /// Where the account's events behind the base are, up to what the tables have; the first `limit`, and one
  /// more where there are more.
  private let positions: [Position]
  /// What the tables have.
  private let listed: Position

  /// - Parameters:
  ///   - knowsHolds: Whether each open hold has to be known, so that the fold begins where none was open.
  ///   - knowsYears: Whether it has to be known what a year held; it is also where a year has a limit.
  init(
    of user: UserID, at point: PastPoint, limit: Int, knowsHolds: Bool = false,
    knowsYears: Bool = false, in queries: Queries,
    windows windowsOf: (QuotaCalendar) -> PerPeriod<Window>
  ) throws(StoreFailure) {
    self.queries = queries
    self.user = user
    self.point = point
    self.limit = limit
    let calendars = queries.store.calendars
    let system = try queries.pastSystem(at: point.position)
    let found = try queries.reading { (snapshot) throws(ProjectionFailure) in
      let state = try snapshot.state()
      let calendar = try calendars.rules(of: system.calendar)
      let windows = windowsOf(calendar)
      guard let entry = try snapshot.account(user) else {
        return (state, calendar, windows, nil as PastAccount?, [Position](), knowsYears)
      }
      let knowsYears =
        knowsYears || entry.account.counts(.yearly, defaults: system.policy.limits)
      // What is kept was folded with today's calendar: after a change it says nothing about before.
      let base =
        system.calendar != state.calendar
        ? nil
        : try snapshot.pastAccount(of: entry, at: point.position) { (past) in
          past.knows(windows, years: knowsYears, in: calendar)
            && !(knowsHolds && past.account.reserved > .zero)
        }
      let positions = try snapshot.history(
        of: entry, after: base?.position ?? .zero, limit: limit == .max ? limit : limit + 1)
      return (state, calendar, windows, base, positions, knowsYears)
    }
    self.system = system
    (calendar, windows, base) = (found.1, found.2, found.3)
    self.knowsYears = found.5
    listed = found.0.position
    positions = Array(found.4.prefix { $0 <= point.position })
  }

  /// The account at the point; nil where nobody had registered it yet.
  func fold() throws(StoreFailure) -> Result<AccountFold?, PastFault> {
    guard positions.count <= limit else { return .failure(.tooLong(limit: limit)) }
    var fold = base.map {
      AccountFold($0.account, allowances: $0.allowances, past: $0.past, in: calendar)
    }
    func take(_ record: borrowing RecordView) throws(StoreFailure) -> ScanStep {
      try apply(record, to: &fold)
      return .proceed
    }
    try queries.store.log.records(at: positions, take)
    if listed < point.position { try scanTail(take) }
    return .success(fold)
  }

  /// What a window held; nil where nobody knows.
  func used(_ fold: AccountFold?, in window: Window) -> TokenCount? {
    guard knowsYears || window.period.counted != nil else { return nil }
    return fold?.used(
      in: windows, defaults: system.policy.limits, meaning: window.period)[window.period]
  }

  func reading(_ fold: AccountFold) -> UsageReading {
    UsageReading(
      account: fold.account, defaults: system.policy, allowances: fold.allowances,
      windows: windows, used: fold.used(in: windows, defaults: system.policy.limits),
      calendar: calendar, position: point.position)
  }

  /// What the log has and the tables do not have yet.
  private func scanTail(
    _ body: (borrowing RecordView) throws(StoreFailure) -> ScanStep
  ) throws(StoreFailure) {
    try queries.store.log.scan(after: listed) { (record) throws(StoreFailure) in
      guard record.position <= point.position else { return .stop }
      return try isAboutUser(record) ? try body(record) : .proceed
    }
  }

  private func isAboutUser(_ record: borrowing RecordView) throws(StoreFailure) -> Bool {
    do { return try record.user() == user } catch {
      throw .log(.damaged(at: record.position, error))
    }
  }

  private func apply(
    _ record: borrowing RecordView, to fold: inout AccountFold?
  ) throws(StoreFailure) {
    let fact: Fact
    do { fact = try record.fact() } catch { throw .log(.damaged(at: record.position, error)) }
    if let hold = try unseenHold(of: fact, at: record.position, fold) {
      fold?.see(hold.hold, as: hold.id)
    }
    fold.apply(fact, at: record.position, happenedAt: record.happenedAt, in: calendar)
  }

  /// The hold that a fact is about, as it was at the base, where it was open there.
  private func unseenHold(
    of fact: Fact, at position: Position, _ fold: AccountFold?
  ) throws(StoreFailure) -> (id: HoldID, hold: Hold)? {
    guard let fold, let base, case .hold(let id, let change) = fact.effect(at: position),
      fold.holds[id] == nil, change.settlement?.isLate != true, id.position <= base.position
    else { return nil }
    return try hold(id, at: base.position).map { (id, $0) }
  }

  /// What was left of a hold at a position.
  private func hold(_ id: HoldID, at position: Position) throws(StoreFailure) -> Hold? {
    let draws = try queries.reading { (snapshot) throws(ProjectionFailure) in
      try snapshot.draws(of: id)
    }
    var state: HoldState?
    let positions = [id.position] + draws.filter { $0 <= position }
    try usingLog(
      queries.store.log.records(at: positions) { (record) throws(RecordDamage) in
        if case .hold(id, let change) = try record.fact().effect(at: record.position) {
          _ = state.apply(change, at: record.position, happenedAt: record.happenedAt)
        }
        return .proceed
      })
    return state?.hold
  }
}

extension PastAccount {
  /// Whether a fold from here on knows what each of the windows holds.
  fileprivate func knows(
    _ windows: PerPeriod<Window>, years: Bool, in calendar: QuotaCalendar
  ) -> Bool {
    let latest = account.latest
    guard
      CountedPeriod.allCases.allSatisfy({ latest[$0].start <= windows[$0.period].start })
    else { return false }
    guard years, latest.monthly.start >= windows.yearly.start else { return true }
    let before = calendar.countedParts(of: windows.yearly).prefix {
      $0.start < latest.monthly.start
    }
    return months.count == before.count
  }

  fileprivate var past: PerCount<[Moment: TokenCount]> {
    var past = PerCount<[Moment: TokenCount]>(repeating: [:])
    for month in months { past.monthly[month.start] = month.used }
    return past
  }
}
