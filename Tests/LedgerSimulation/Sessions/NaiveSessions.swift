public import QuotaModel
internal import QuotaService

/// What a ledger has to answer about sessions, worked out without tables, folds or running sums: every
/// question adds up all recorded usage anew (contract session-limits, sections 2 and 8.1).
public struct NaiveSessions {
  struct Usage {
    let id: StepID
    let report: CallUsage
    let cost: CallCost
    /// What it adds to the total.
    let counted: Int64
    let window: Int
    let happenedAt: Moment
  }

  struct Call {
    let id: StepID
    let reservation: Int64
    var startedAt: Moment
    var expiresAt: Moment
    let isOwn: Bool
  }

  /// An open question: the how manieth of all, and whether it is about the shared budget.
  struct Question {
    let number: Int
    let isShared: Bool
    let used: Int64
    let limit: Int64
  }

  public struct Session {
    let opening: SessionOpening
    var isOpen = true
    public internal(set) var isDeleted = false
    var limit: Int64?
    var model: ModelName?
    var window = 1
    var usages: [Usage] = []
    var calls: [Call] = []
    /// What was counted for calls of others that told nothing in time.
    var lost: [StepID: Int64] = [:]
    var question: Question?
    /// Everything that was ever let in, with its turn.
    var admitted: [StepID: UInt64?] = [:]
    /// The caps that changes with an id led to.
    var changes: [StepID: Int64?] = [:]
    var turns: UInt64 = 0
    /// What was said, in the order of the events that carry it.
    public internal(set) var texts: [[UInt8]] = []
  }

  /// All that ever were, in the order of their beginning; deleted ones stay.
  public internal(set) var sessions: [Session] = []
  var budgets: [BudgetID: Int64] = [:]
  var budgetAccesses: [BudgetID: BudgetAccess] = [:]
  var questionCount = 0
  /// The numbers of the questions whose ids are known.
  var questionNumbers: [String: Int] = [:]
  let dailyLimits: [UserID: Int64]
  var now = Moment(microseconds: .min)

  init(dailyLimits: [UserID: Int64]) { self.dailyLimits = dailyLimits }

  /// The place of the session that is called `id` and was not deleted.
  func place(of id: SessionID) -> Int? {
    sessions.lastIndex { $0.opening.id == id && !$0.isDeleted }
  }

  /// Ends the calls whose time is over; what was made while the clock was ahead has all of it from now on.
  mutating func begin(at moment: Moment) {
    now = moment
    for place in sessions.indices {
      for index in sessions[place].calls.indices {
        let call = sessions[place].calls[index]
        guard call.startedAt > moment else { continue }
        let timeToLive = call.expiresAt.microseconds - call.startedAt.microseconds
        sessions[place].calls[index].startedAt = moment
        sessions[place].calls[index].expiresAt = Moment(
          microseconds: moment.microseconds + timeToLive)
      }
      for call in sessions[place].calls where call.expiresAt <= moment { lose(call, of: place) }
    }
  }

  /// A call that told nothing is taken for what was kept free for it.
  mutating func lose(_ call: Call, of place: Int) {
    var usage = CallUsage(id: call.id, call: call.id)
    usage.isLost = true
    count(usage, of: place)
  }

  /// When the next reservation ends.
  var firstDeadline: Moment? { sessions.flatMap { $0.calls.map(\.expiresAt) }.min() }

  func figures(of place: Int) -> SessionFigures {
    let session = sessions[place]
    return SessionFigures(
      state: state(of: session), limit: session.limit, total: session.total,
      used: session.used, reserved: session.reserved, window: UInt64(session.window),
      calls: UInt64(session.usages.count), openCalls: Set(session.calls.map(\.id)),
      turns: session.turns, isAskedByBudget: session.question?.isShared)
  }

  private func state(of session: Session) -> BudgetState {
    if session.isDeleted { return .deleted }
    if !session.isOpen { return .closed }
    if session.question != nil { return .deciding }
    guard let limit = session.limit else { return .unlimited }
    return session.used < limit ? .within : .exhausted
  }

  func used(of budget: BudgetID) -> Int64 {
    sessions.reduce(0) { $1.opening.budget == budget ? $0 + $1.total : $0 }
  }

  func reserved(of budget: BudgetID) -> Int64 {
    sessions.reduce(0) { $1.opening.budget == budget ? $0 + $1.reserved : $0 }
  }

  /// The tokens of all sessions that count in the day of a user.
  public func tokens(of user: UserID, on moment: Moment) -> Int64 {
    let day = QuotaCalendar.utc.window(.daily, containing: moment)
    var sum: Int64 = 0
    for session in sessions where session.opening.user == user {
      for usage in session.usages where day.contains(usage.happenedAt) {
        sum += usage.report.tokens?.total.rawValue ?? 0
      }
    }
    return sum
  }

  public var users: [UserID] { dailyLimits.keys.sorted() }
}

/// What is compared of a session.
public struct SessionFigures: Hashable, Sendable {
  var state: BudgetState
  var limit: Int64?
  var total: Int64
  var used: Int64
  var reserved: Int64
  var window: UInt64
  var calls: UInt64
  var openCalls: Set<StepID>
  var turns: UInt64
  /// Whether the open question is about the shared budget; nil where none is open.
  var isAskedByBudget: Bool?
}

extension SessionFigures {
  init(of session: QuotaModel.Session) {
    self.init(
      state: session.state, limit: session.limit?.rawValue, total: session.total.rawValue,
      used: session.used.rawValue, reserved: session.reserved.rawValue,
      window: session.window.number, calls: session.counts.calls,
      openCalls: Set(session.calls.map(\.call)), turns: session.counts.turns,
      isAskedByBudget: session.request.map { $0.budget != nil })
  }
}

extension NaiveSessions.Session {
  var total: Int64 { usages.reduce(0) { $0 + $1.counted } }

  var used: Int64 { usages.reduce(0) { $1.window == window ? $0 + $1.counted : $0 } }

  var reserved: Int64 { calls.reduce(0) { $0 + $1.reservation } }

  var dearest: Int64 {
    usages.reduce(0) { $1.window == window ? max($0, $1.cost.amount?.rawValue ?? 0) : $0 }
  }
}
