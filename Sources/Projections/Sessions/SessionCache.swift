internal import QuotaModel

/// Sessions and shared budgets that were touched lately; what the running batch changed is written to
/// the tables at its end, and only then may be forgotten.
struct SessionCache {
  /// Entries above which everything that is stored is forgotten.
  private static let capacity = 4096

  private(set) var sessions: [SessionRef: Session] = [:]
  private(set) var budgets: [BudgetID: SharedBudget] = [:]
  private var changedSessions: Set<SessionRef> = []
  private var changedBudgets: Set<BudgetID> = []

  mutating func remember(_ session: Session) { sessions[session.ref] = session }
  mutating func remember(_ budget: SharedBudget) { budgets[budget.id] = budget }

  mutating func change(_ session: Session) {
    sessions[session.ref] = session
    changedSessions.insert(session.ref)
  }

  mutating func change(_ budget: SharedBudget) {
    budgets[budget.id] = budget
    changedBudgets.insert(budget.id)
  }

  var hasChanges: Bool { !changedSessions.isEmpty || !changedBudgets.isEmpty }

  /// Hands over what was changed since the last time.
  mutating func takeChanges() -> (sessions: [Session], budgets: [SharedBudget]) {
    let changes = (
      changedSessions.compactMap { sessions[$0] }, changedBudgets.compactMap { budgets[$0] }
    )
    changedSessions.removeAll(keepingCapacity: true)
    changedBudgets.removeAll(keepingCapacity: true)
    return changes
  }

  /// Forgets everything, where there is too much; only when all of it is stored.
  mutating func trim() {
    if sessions.count + budgets.count > Self.capacity { self = SessionCache() }
  }
}
