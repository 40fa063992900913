internal import LMDB
public import QuotaModel

extension FoldBatch {
  /// A hold, open or ended; nil where there was none.
  public func hold(_ id: HoldID) throws(ProjectionFailure) -> HoldEntry? {
    if let latest = folder.working.latestHold, latest.id == id { return latest.entry }
    let known = folder.working.holds[id]
    guard let entry = known == nil ? try storedHold(id) : known else { return nil }
    if folder.purpose.isForReaders { folder.working.latestHold = (id, entry) }
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
  /// Answers what the hold sets aside before and after; nil where it stays as it is.
  mutating func fold(
    _ change: HoldChange, of id: HoldID, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) -> HoldStep? {
    if case .made(let hold) = change { return try open(hold, as: id, event) }
    guard var entry = try hold(id) else { return nil }
    let times = PendingHolds.Times(of: entry)
    let step = entry.state.apply(change, at: event.position, happenedAt: event.happenedAt)
    if let step {
      try store(entry, as: id, insteadOf: times, event)
      try setAside(step, of: entry.hold, id)
      if case .drawn = change { keepDraw(of: id, event) }
    }
    try fold(change, payingFrom: entry.hold)
    return step
  }

  private mutating func open(
    _ hold: Hold, as id: HoldID, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) -> HoldStep {
    let entry = HoldEntry(
      state: HoldState(hold, startedAt: event.happenedAt), holder: try scope(of: event.actor))
    try insert(entry, as: id, stored: nil, event)
    note(entry, as: id, insteadOf: nil)
    let step = HoldStep(making: hold)
    try setAside(step, of: hold, id)
    return step
  }

  /// Counts what was used in the budgets that pay for it.
  private mutating func fold(
    _ change: HoldChange, payingFrom hold: Hold
  ) throws(ProjectionFailure) {
    guard hold.session != nil || !hold.budgets.isEmpty else { return }
    let session = if let ref = hold.session { try session(ref) } else { nil as Session? }
    for budget in change.payers(of: hold, in: session) {
      try update(budget) { $0?.count(change, of: hold) }
    }
  }

  /// Sets credits aside in the session and in the budgets that a hold names, where there are others than
  /// before.
  private mutating func setAside(
    _ step: HoldStep, of hold: Hold, _ id: HoldID
  ) throws(ProjectionFailure) {
    let (old, new) = (step.before?.credits, step.after?.credits)
    guard old != new else { return }
    for budget in hold.budgets {
      try update(budget) { $0?.setAside(new ?? .zero, insteadOf: old ?? .zero) }
    }
    guard let ref = hold.session, var session = try session(ref),
      let released = session.apply(step, of: hold, id)
    else { return }
    folder.working.sessions.change(session)
    guard let budget = session.budget else { return }
    try update(budget) { $0?.setAside(new ?? .zero, insteadOf: released) }
  }

  private mutating func keepDraw(of id: HoldID, _ event: borrowing FoldedEvent) {
    let key = Key.pair(id.position.rawValue, event.position.rawValue)
    folder.working.direct.put([], under: key.rawBytes, in: tables.holdDraws)
  }

  /// Notes what became of a hold. It waits in memory until the tables are written anyway: holds come and go
  /// with every call.
  private mutating func store(
    _ entry: HoldEntry, as id: HoldID, insteadOf times: PendingHolds.Times?,
    _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    if !folder.working.holds.update(entry, as: id) {
      try insert(entry, as: id, stored: try storedHold(id), event)
    }
    note(entry, as: id, insteadOf: times)
  }

  private mutating func insert(
    _ entry: HoldEntry, as id: HoldID, stored: HoldEntry?, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    let index = try existing(entry.hold.user, at: event.position)
    let owner = folder.working.accounts.number(at: index)
    folder.working.holds.insert(entry, as: id, of: owner, stored: stored)
  }

  private mutating func note(
    _ entry: HoldEntry, as id: HoldID, insteadOf before: PendingHolds.Times?
  ) {
    if folder.purpose.isForReaders {
      folder.working.latestHold = (id, entry)
      folder.working.unpublished.holds.append((id, entry))
    }
    guard let times = PendingHolds.Times(of: entry), times != before else { return }
    folder.working.deadlines.add(times.deadline, id)
    folder.working.starts.add(times.start, id)
  }
}
