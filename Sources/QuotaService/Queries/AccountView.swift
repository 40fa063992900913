internal import EventLog
internal import Projections
internal import QuotaModel

/// Everything about an account that one answer may tell, at one position.
///
/// An answer takes all of its figures from one view. Whatever else it tells are events up to the view's
/// position, which never change, so that they may be looked up later.
struct AccountView {
  let reading: UsageReading
  /// The open holds, in the order in which they were made.
  let holds: OpenHolds
}

extension Queries {
  /// An account as it is now, with `holdLimit` of its open holds at most; nil where nobody registered it.
  func view(
    of user: UserID, holdLimit: Int, windows: (QuotaCalendar) -> PerPeriod<Window>
  ) throws(StoreFailure) -> AccountView? {
    // Beside a server every open hold may end in what only the log has.
    let limit = store.isBesideWriter ? .max : holdLimit
    let view = try reading { (snapshot) throws(ProjectionFailure) -> AccountView? in
      guard let entry = try snapshot.account(user) else { return nil }
      let state = try snapshot.state()
      let calendar = try store.calendars.rules(of: state.calendar)
      let windows = windows(calendar)
      let used = try PerPeriod<TokenCount> { (period) throws(ProjectionFailure) in
        try snapshot.used(by: entry, in: windows[period])
      }
      return AccountView(
        reading: UsageReading(
          account: entry.account, defaults: state.defaults,
          allowances: try snapshot.allowances(of: entry.account), windows: windows, used: used,
          calendar: calendar, position: state.position),
        holds: try snapshot.openHolds(of: entry, limit: limit))
    }
    guard let view, store.isBesideWriter else { return view }
    return try addingTail(to: view, holdLimit: holdLimit)
  }

  /// Counts what the log has and the tables of a running server do not have yet. Only what changes no
  /// rights and no limits waits in a server's memory; everything else is in its tables before anybody is
  /// told, so that whatever follows the first such event has been told to nobody when the tables were
  /// read.
  private func addingTail(
    to view: AccountView, holdLimit: Int
  ) throws(StoreFailure) -> AccountView {
    var (fold, position) = (AccountFold(of: view), view.reading.position)
    try usingLog { () throws(LogFailure) in
      try store.log.scan(after: position) { (record) throws(RecordDamage) in
        guard record.kind.isCountedFromLog else { return .stop }
        position = record.position
        if try record.user() == view.reading.account.user {
          fold.apply(try record.fact(), at: position, happenedAt: record.happenedAt)
        }
        return .proceed
      }
    }
    return view.moved(to: position, fold, holdLimit: holdLimit)
  }
}

extension AccountFold {
  fileprivate init(of view: AccountView) {
    let reading = view.reading
    self.init(
      reading.account, allowances: reading.allowances,
      holds: Dictionary(view.holds.holds.map { ($0.id, $0.hold) }) { first, _ in first },
      past: PerPeriod { [reading.windows[$0].start: reading.used[$0]] }, in: reading.calendar)
  }
}

extension AccountView {
  /// The same account after later events of its own.
  fileprivate func moved(
    to position: Position, _ fold: AccountFold, holdLimit: Int
  ) -> AccountView {
    let holds = fold.holds.sorted { $0.key < $1.key }.map { (id: $0.key, hold: $0.value) }
    return AccountView(
      reading: UsageReading(
        account: fold.account, defaults: reading.defaults, allowances: fold.allowances,
        windows: reading.windows, used: fold.used(in: reading.windows),
        calendar: reading.calendar, position: position),
      holds: OpenHolds(holds: Array(holds.prefix(holdLimit)), areAll: holds.count <= holdLimit))
  }
}
