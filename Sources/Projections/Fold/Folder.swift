internal import LMDB
public import QuotaModel

/// Folds events into one generation; belongs to one thread.
///
/// Accounts that were touched stay in memory between batches, because nobody else changes them.
public final class Folder {
  /// What the events are folded for.
  public enum Purpose: Sendable {
    /// Decisions ask about events of the same batch.
    case deciding
    /// A long run from the log, where nobody asks in between.
    case rebuilding
  }

  public let generation: Generation
  let purpose: Purpose
  /// Whether the calendar was given for good, whatever the events announce.
  let isCalendarPinned: Bool
  private let calendarSource: CalendarSource
  /// Cached accounts above which the cache is emptied between batches.
  private let maximumCachedAccountCount: Int
  var working: WorkingSet

  public init(
    generation: Generation, purpose: Purpose, isCalendarPinned: Bool = false,
    calendarSource: @escaping CalendarSource
  ) throws(ProjectionFailure) {
    self.generation = generation
    self.purpose = purpose
    self.isCalendarPinned = isCalendarPinned
    self.calendarSource = calendarSource
    maximumCachedAccountCount = purpose == .rebuilding ? 262_144 : 65_536
    guard let state = try generation.state() else { throw .missing(path: generation.path) }
    working = WorkingSet(
      state: state, calendar: try calendarSource(state.calendar),
      isSearchable: purpose == .deciding)
  }

  /// The state after the last committed batch.
  public var state: ProjectionState { working.state }

  /// The calendar in force.
  public var calendar: QuotaCalendar { working.calendar }

  /// The calendar that the latest event about it names. While rebuilding it may differ from the one
  /// that windows were made with; then everything has to be folded anew with this one.
  public var announcedCalendar: CalendarSetting { working.announcedCalendar }

  /// Events that are folded, visible, and not stored in the tables yet.
  public var unstoredCount: Int { working.unstoredCount }

  /// Begins a batch. It has to end by `commit`; otherwise nothing of it counts, and neither does
  /// anything that was not stored: the log has it all.
  public func beginBatch() throws(ProjectionFailure) -> FoldBatch {
    if working.isInBatch { try forgetUnstored() }
    if working.unstoredCount == 0, working.accounts.count > maximumCachedAccountCount {
      working.accounts.removeOldest()
    }
    let transaction: WriteTransaction
    do {
      transaction = try generation.environment.beginWrite()
    } catch {
      throw ProjectionFailure(error, path: generation.path)
    }
    working.isInBatch = true
    return FoldBatch(folder: self, transaction: transaction)
  }

  func rules(of setting: CalendarSetting) throws(ProjectionFailure) -> QuotaCalendar {
    try calendarSource(setting)
  }

  /// Goes back to what the generation holds.
  private func forgetUnstored() throws(ProjectionFailure) {
    guard let state = try generation.state() else { throw .missing(path: generation.path) }
    working.reset(to: state, calendar: try calendarSource(state.calendar))
    generation.overlay.update { $0 = OverlayContent() }
  }
}

/// The folded state in memory, ahead of the tables while a batch runs.
struct WorkingSet {
  var state: ProjectionState
  var calendar: QuotaCalendar
  var announcedCalendar: CalendarSetting
  var windows = WindowCache()
  var accounts = AccountCache()
  var requests: PendingRequests
  var past = PendingPast()
  /// Accounts that the running batch changed.
  var touched: Set<Int> = []
  var unstoredCount = 0
  /// Whether the running batch wrote to tables that the overlay does not cover.
  var hasDirectWrites = false
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

  mutating func reset(to state: ProjectionState, calendar: QuotaCalendar) {
    self.state = state
    self.calendar = calendar
    announcedCalendar = state.calendar
    windows = WindowCache()
    accounts.removeAll()
    requests.removeAll()
    past.removeAll()
    touched.removeAll()
    unstoredCount = 0
    hasDirectWrites = false
    isInBatch = false
    hasFolded = false
  }
}
