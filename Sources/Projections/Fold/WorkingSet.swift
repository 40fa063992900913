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
  /// The hold that was asked for last: a command asks for the same one several times. A rebuild does not.
  var latestHold: (id: HoldID, entry: HoldEntry)?
  /// Deadlines of holds that are not in the tables yet.
  var deadlines = PendingDeadlines()
  /// When their times to live began.
  var starts = PendingStarts()
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
  /// Rows of a long run from the log; nil where rows are to be found as soon as they are folded.
  var gathered: GatheredRows?
  /// Memory for the next ones.
  private var spareRows = GatheredRows(after: .zero)
  /// The position whose state the tables have, or get by the job under way.
  var storedPosition: Position
  /// Events that no job stores yet.
  var unstoredCount = 0
  /// Whether the running batch changed what readers find in the tables only.
  var changesTables = false
  /// Events of a long run for which the state is stored once.
  var eventsPerState: UInt64 = 1 << 22
  /// Whether the next job stores the state in any case.
  var mustStoreState = false
  /// Whether a batch was begun and did not end well.
  var isInBatch = false
  /// Whether the running batch has changed anything here.
  var hasFolded = false

  init(state: ProjectionState, calendar: QuotaCalendar, isSearchable: Bool) {
    self.state = state
    self.calendar = calendar
    announcedCalendar = state.calendar
    storedPosition = state.position
    requests = PendingRequests(isSearchable: isSearchable)
  }

  /// In a long run the state is stored more seldom than rows are: a batch of events changes most
  /// accounts, whose pages would be written for each. What bounds it is memory, and what has to be
  /// folded again after a kill. The first rows bring it along, so that there is something to go on with.
  var stateIsDue: Bool {
    mustStoreState || storedPosition == .zero
      || state.position.rawValue - storedPosition.rawValue >= eventsPerState
      || accounts.dirtyIndices.count >= Self.changesPerState
      || past.windows.count >= Self.changesPerState
      || direct.count + holds.count + deadlines.entries.count >= Self.rowsPerState
  }

  private static let changesPerState = 1 << 17
  private static let rowsPerState = 1 << 16

  /// Whether no table knows an account that is not in memory.
  var hasAllAccounts: Bool { accounts.count == Int(state.accountCount) }

  /// Hands over the rows of a long run, and goes on with spare memory.
  mutating func exchangeGathered(with rows: inout GatheredRows) {
    guard gathered != nil else { return }
    swap(&gathered!, &rows)
    swap(&gathered!, &spareRows)
    gathered!.removeAll(after: state.position)
  }

  /// Takes back the memory of rows that are stored.
  mutating func reuse(_ rows: consuming GatheredRows) { spareRows = rows }

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
