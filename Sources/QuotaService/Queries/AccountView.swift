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
  /// The same account, for later events.
  fileprivate let fold: AccountFold
  fileprivate let meant: Period?
}

extension Queries {
  /// An account as it is now, with `holdLimit` of its open holds at most; nil where nobody registered it.
  ///
  /// - Parameter period: One whose usage is asked for whether it has a limit or not.
  func view(
    of user: UserID, holdLimit: Int, meaning period: Period? = nil,
    windows: (QuotaCalendar) -> PerPeriod<Window>
  ) throws(StoreFailure) -> AccountView? {
    // Beside a server every open hold may end in what only the log has.
    let limit = store.isBesideWriter ? .max : holdLimit
    let view = try reading { (snapshot) throws(ProjectionFailure) -> AccountView? in
      guard let entry = try snapshot.account(user) else { return nil }
      let state = try snapshot.state()
      let calendar = try store.calendars.rules(of: state.calendar)
      let windows = windows(calendar)
      let parts = Period.allCases.filter {
        entry.account.counts($0, defaults: state.defaults.limits, meaning: period)
      }.flatMap { calendar.countedParts(of: windows[$0]) }
      let holds = try snapshot.openHolds(of: entry, limit: limit)
      let fold = AccountFold(
        entry.account, allowances: try snapshot.allowances(of: entry.account),
        holds: Dictionary(holds.holds.map { ($0.id, $0.hold) }) { first, _ in first },
        past: try snapshot.used(by: entry, in: parts), in: calendar)
      return AccountView(fold, state.defaults, windows, meaning: period, at: state.position, holds)
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
    var (fold, position) = (view.fold, view.reading.position)
    try usingLog(
      store.log.scan(after: position) { (record) throws(RecordDamage) in
        guard record.kind.isCountedFromLog else { return .stop }
        position = record.position
        if try record.user() == view.reading.account.user {
          fold.apply(try record.fact(), at: position, happenedAt: record.happenedAt)
        }
        return .proceed
      })
    let open = fold.holds.sorted { $0.key < $1.key }.map { (id: $0.key, hold: $0.value) }
    return AccountView(
      fold, view.reading.defaults, view.reading.windows, meaning: view.meant, at: position,
      OpenHolds(holds: Array(open.prefix(holdLimit)), areAll: open.count <= holdLimit))
  }
}

extension AccountView {
  fileprivate init(
    _ fold: AccountFold, _ defaults: SystemPolicy, _ windows: PerPeriod<Window>,
    meaning meant: Period?, at position: Position, _ holds: OpenHolds
  ) {
    self.init(
      reading: UsageReading(
        account: fold.account, defaults: defaults, allowances: fold.allowances, windows: windows,
        used: fold.used(in: windows, defaults: defaults.limits, meaning: meant),
        calendar: fold.calendar, position: position),
      holds: holds, fold: fold, meant: meant)
  }
}
