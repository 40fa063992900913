internal import QuotaModel

/// The folded state in memory, ahead of the tables.
struct WorkingSet {
  var state: ProjectionState
  var calendar: QuotaCalendar
  var announcedCalendar: CalendarSetting
  var windows = WindowCache()
  var accounts = AccountCache()
  var requests: PendingRequests
  var past = PendingPast()
  var direct = DirectWrites()
  var holds = PendingHolds()
  /// The hold that was asked for last: a command asks for the same one several times.
  var latestHold: (id: HoldID, entry: HoldEntry)?
  /// Deadlines of holds that are not in the tables yet.
  var deadlines = PendingDeadlines()
  var sessions = SessionCache()
  /// What is being stored at the moment; it is not in the tables yet, or only since a moment ago.
  var storing: StoreJob?
  /// What the running batch added to `past`.
  var unpublished = PastAdditions()
  /// Accounts that the running batch changed, each once.
  var touched: [Int] = []
  /// The account that was asked for last: a command asks for the same one several times.
  var latestAccount: (user: UserID, index: Int)?
  /// The actor whose number was asked for last: most events of a batch have the same one.
  var latestActor: (user: UserID, number: AccountNumber)?
  /// Events that no job stores yet.
  var unstoredCount = 0
  /// Whether the running batch changed something that readers find in the tables only.
  var mustBeStored = false
  /// Whether a batch was begun and did not end well.
  var isInBatch = false
  /// Whether the running batch has changed anything here.
  var hasFolded = false

  init(state: ProjectionState, calendar: QuotaCalendar, isSearchable: Bool) {
    self.state = state
    self.calendar = calendar
    announcedCalendar = state.calendar
    requests = PendingRequests(isSearchable: isSearchable)
  }

  /// Shows readers what the running batch changed.
  mutating func publish(in content: inout OverlayContent) {
    content.set(state)
    for index in touched {
      content.set(accounts.entry(at: index))
      accounts.clearTouch(at: index)
    }
    touched.removeAll(keepingCapacity: true)
    content.add(unpublished)
    unpublished.removeAll()
  }
}
