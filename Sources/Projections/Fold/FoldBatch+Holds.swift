internal import LMDB
public import QuotaModel

extension FoldBatch {
  /// A hold, open or ended; nil where there was none.
  public func hold(_ id: HoldID) throws(ProjectionFailure) -> HoldEntry? {
    if let latest = folder.working.latestHold, latest.id == id { return latest.entry }
    let known = folder.working.holds[id]
    guard let entry = known == nil ? try storedHold(id) : known else { return nil }
    folder.working.latestHold = (id, entry)
    return entry
  }

  /// A hold as the tables have it, or get it by what is being stored.
  private func storedHold(_ id: HoldID) throws(ProjectionFailure) -> HoldEntry? {
    if let entry = folder.working.storing?.holds[id] { return entry }
    let key = Key.number(id.position.rawValue)
    guard let row = try get(key.rawBytes, in: tables.holds) else { return nil }
    return try HoldRow.entry(from: row)
  }

  /// Open holds that no longer count at `moment`, in the order of their deadlines, and whether those
  /// are all. The tables are asked for `limit` at most.
  public mutating func holds(
    expiredAt moment: Moment, limit: Int
  ) throws(ProjectionFailure) -> (holds: [(id: HoldID, entry: HoldEntry)], areAll: Bool) {
    var ids = try storedDeadlines(until: moment, limit: limit)
    let areAll = ids.count < limit
    ids += folder.working.storing?.deadlines.due(at: moment) ?? []
    ids += folder.working.deadlines.due(at: moment)
    var due: [HoldID: HoldEntry] = [:]
    var over: Set<HoldID> = []
    for id in ids {
      guard let entry = try hold(id) else { throw .malformedRow(table: "hold_expiries") }
      // It may have ended, or got a later deadline, since the deadline was written down.
      if entry.isOpen, entry.hold.expiresAt <= moment { due[id] = entry }
      if !entry.isOpen { over.insert(id) }
    }
    folder.working.deadlines.forget(over)
    let holds = due.map { (id: $0.key, entry: $0.value) }.sorted {
      ($0.entry.hold.expiresAt, $0.id) < ($1.entry.hold.expiresAt, $1.id)
    }
    return (holds, areAll)
  }

  /// A moment before which no hold expires; nil where none is open. The hold may have ended since: only
  /// looking at every hold in turn would tell.
  public func earliestDeadline() throws(ProjectionFailure) -> Moment? {
    let deadlines = [
      try firstStoredDeadline(), folder.working.storing?.deadlines.earliest,
      folder.working.deadlines.earliest,
    ]
    return deadlines.compactMap(\.self).min()
  }

  private func firstStoredDeadline() throws(ProjectionFailure) -> Moment? {
    var first: Moment?
    try forEachDue(in: tables.holdDeadlines, at: Moment(microseconds: .max)) {
      (key, _) throws(ProjectionFailure) in
      first = key.deadline
      return false
    }
    return first
  }

  private func storedDeadlines(
    until moment: Moment, limit: Int
  ) throws(ProjectionFailure) -> [HoldID] {
    var ids: [HoldID] = []
    try forEachDue(in: tables.holdDeadlines, at: moment) { (key, _) throws(ProjectionFailure) in
      let id = HoldID(key.position)
      // What has changed in memory only is skipped.
      let changed = folder.working.holds[id] ?? folder.working.storing?.holds[id]
      if changed.map({ $0.isOpen && $0.hold.expiresAt == key.deadline }) ?? true { ids.append(id) }
      return ids.count < limit
    }
    return ids
  }
}

extension FoldBatch {
  mutating func open(
    _ hold: Hold, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    let index = try existing(hold.user, event)
    let id = HoldID(event.position)
    let entry = HoldEntry(
      hold: hold, holder: try scope(of: event.actor), startedAt: event.happenedAt)
    insert(entry, as: id, at: index, stored: nil)
    folder.working.deadlines.add(hold.expiresAt, id)
    folder.working.starts.add(event.happenedAt, id)
    try reserve(hold, of: id)
    folder.working.accounts.update(at: index) { $0.account.reserve(hold.tokens) }
    try note(event.position, at: index)
  }

  mutating func extend(
    _ id: HoldID, to expiresAt: Moment, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    guard var entry = try hold(id), entry.isOpen else { return }
    entry.hold.expiresAt = expiresAt
    entry.startedAt = event.happenedAt
    try store(entry, as: id, event)
    folder.working.deadlines.add(expiresAt, id)
    folder.working.starts.add(event.happenedAt, id)
  }

  /// A part was used; the rest stays held.
  mutating func draw(
    _ id: HoldID, _ settlement: Settlement, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    let before = try hold(id)
    if var entry = before, entry.isOpen {
      let whole = entry.hold
      entry.hold.draw(settlement)
      folder.working.direct.put(
        [], under: Key.pair(id.position.rawValue, event.position.rawValue).rawBytes,
        in: tables.holdDraws)
      let index = try store(entry, as: id, event)
      try reserve(entry.hold.credits, insteadOf: whole, id)
      let rest = entry.hold.tokens
      folder.working.accounts.update(at: index) {
        $0.account.release(whole.tokens)
        $0.account.reserve(rest)
      }
    }
    // What nobody told of a part is not counted at all.
    try count(settlement, of: before?.hold, isKnown: true, event)
  }

  /// Ends a hold by what was used.
  mutating func settle(
    _ id: HoldID, _ settlement: Settlement, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    let before = try hold(id)
    if let before { try end(before, id, settlement.isLate ? .settledLate : .settled, event) }
    // Where nobody told a cost, it is what was held. A record does not say which of the two it is: one that
    // was told and is the same is taken for untold, which teaches the budgets nothing about the model.
    let isKnown = settlement.credits != before?.hold.credits
    try count(settlement, of: before?.hold, isKnown: isKnown, event)
  }

  /// Ends a hold. One that has ended already stays ended, but that an expired one may be settled.
  mutating func end(
    _ id: HoldID, _ end: HoldEnd, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    if let before = try hold(id) { try self.end(before, id, end, event) }
  }

  private mutating func end(
    _ before: HoldEntry, _ id: HoldID, _ end: HoldEnd, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    guard before.isOpen || before.end == .expired else { return }
    var entry = before
    let wasOpen = entry.isOpen
    entry.end = end
    entry.endedAt = event.position
    let index = try store(entry, as: id, event)
    guard wasOpen else { return }
    try reserve(nil, insteadOf: entry.hold, id)
    let tokens = entry.hold.tokens
    folder.working.accounts.update(at: index) { $0.account.release(tokens) }
  }

  /// Counts what a settlement says, in the user's windows and in the budgets that the hold names.
  private mutating func count(
    _ settlement: Settlement, of hold: Hold?, isKnown: Bool, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    if let hold, settlement.credits > .zero {
      for budget in try payers(of: hold, settlement) {
        try change(budget) {
          $0.count(settlement.credits, of: settlement.spend.model, isKnown: isKnown)
        }
      }
    }
    if settlement.isCountedInSession {
      try update(settlement.spend.user, event) { _ in }
    } else {
      try count(settlement.spend.usage.total, of: settlement.spend.user, event)
    }
  }

  /// The budgets that pay for a settlement. That of the session pays by what the session counts; where
  /// the session is gone, nobody else would count it.
  private mutating func payers(
    of hold: Hold, _ settlement: Settlement
  ) throws(ProjectionFailure) -> [BudgetID] {
    guard !settlement.isCountedInSession, let ref = hold.session,
      let own = try session(ref)?.budget
    else { return hold.budgets }
    return hold.budgets + [own]
  }

  /// Sets credits aside in the session and in the budgets that a new hold names.
  private mutating func reserve(_ hold: Hold, of id: HoldID) throws(ProjectionFailure) {
    for budget in hold.budgets {
      try change(budget) { $0.reserved = $0.reserved.addingClamped(hold.credits) }
    }
    guard let ref = hold.session, var session = try session(ref) else { return }
    session.reserve(
      OpenCall(
        call: id.call, reservation: hold.credits, expiresAt: hold.expiresAt,
        admittedAt: id.position, isOwn: false))
    folder.working.sessions.change(session)
    guard let budget = session.budget else { return }
    try change(budget) { $0.reserved = $0.reserved.addingClamped(hold.credits) }
  }

  /// Sets `credits` aside instead of what an open hold had; nil: nothing any more. A session that was
  /// ended meanwhile has let go of its part already.
  private mutating func reserve(
    _ credits: NanoCredits?, insteadOf before: Hold, _ id: HoldID
  ) throws(ProjectionFailure) {
    for budget in before.budgets {
      try change(budget) { $0.replace(before.credits, by: credits) }
    }
    guard let ref = before.session, var session = try session(ref),
      let reserved = session.reserve(credits, for: id.call)
    else { return }
    folder.working.sessions.change(session)
    guard let budget = session.budget else { return }
    try change(budget) { $0.replace(reserved, by: credits) }
  }

  private mutating func change(
    _ id: BudgetID, _ change: (inout SharedBudget) -> Void
  ) throws(ProjectionFailure) {
    guard var budget = try budget(id) else { return }
    change(&budget)
    folder.working.sessions.change(budget)
  }

  /// Notes what became of a hold; answers the index of its user's account.
  @discardableResult
  private mutating func store(
    _ entry: HoldEntry, as id: HoldID, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) -> Int {
    let index = try existing(entry.hold.user, event)
    if folder.working.holds.update(entry, as: id) {
      publish(entry, as: id)
    } else {
      insert(entry, as: id, at: index, stored: try storedHold(id))
    }
    return index
  }

  /// Holds wait in memory until the tables are written anyway: they come and go with every call.
  private mutating func insert(
    _ entry: HoldEntry, as id: HoldID, at index: Int, stored: HoldEntry?
  ) {
    let owner = folder.working.accounts.number(at: index)
    folder.working.holds.insert(entry, as: id, of: owner, stored: stored)
    publish(entry, as: id)
  }

  private mutating func publish(_ entry: HoldEntry, as id: HoldID) {
    folder.working.latestHold = (id, entry)
    if folder.purpose.isForReaders { folder.working.unpublished.holds.append((id, entry)) }
  }
}

extension SharedBudget {
  fileprivate mutating func replace(_ old: NanoCredits, by new: NanoCredits?) {
    reserved = reserved.subtractingClamped(old).addingClamped(new ?? .zero)
  }
}
