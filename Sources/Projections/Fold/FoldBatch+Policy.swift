internal import LMDB
public import QuotaModel

extension FoldBatch {
  /// The limits that decide about an account in `windows`.
  public func policy(
    of account: Account, in windows: PerPeriod<Window>
  ) throws(ProjectionFailure) -> Policy {
    account.policy(
      defaults: state.defaults,
      allowances: account.hasAllowances ? try allowances(of: account.user) : .none, in: windows)
  }

  /// Thresholds that `user` has reached and nobody was told of.
  public mutating func crossings(
    of thresholds: Thresholds, by user: UserID
  ) throws(ProjectionFailure) -> [ThresholdCrossing] {
    guard !thresholds.percents.isEmpty, let index = try index(of: user) else { return [] }
    let account = folder.working.accounts.account(at: index)
    if !account.hasAllowances, account.isUnlimited(defaults: state.defaults.limits) { return [] }
    let allowances = account.hasAllowances ? try allowances(of: user) : .none
    let limits = account.ownLimits.effective(defaults: state.defaults.limits)
    return account.crossings(
      of: thresholds,
      limits: Limits {
        limits[$0].raised(
          by: allowances.tokens($0, inWindowStarting: account.latest[$0].start))
      })
  }

  func allowances(of user: UserID) throws(ProjectionFailure) -> Allowances {
    let key = Key.account(user)
    if let changed = changedRow(key.rawBytes, in: tables.allowances) {
      return try changed.map { (row) throws(ProjectionFailure) in
        try AllowancesRow.allowances(from: row.rawBytes)
      } ?? .none
    }
    guard let row = try get(key.rawBytes, in: tables.allowances) else { return .none }
    return try AllowancesRow.allowances(from: row)
  }

  /// A change that is still to come, or nil.
  public func isScheduled(
    _ schedule: ScheduleID, at moment: Moment
  ) throws(ProjectionFailure) -> Bool {
    let key = Key.deadline(moment, schedule.position)
    if let changed = changedRow(key.rawBytes, in: tables.schedules) { return changed != nil }
    return try get(key.rawBytes, in: tables.schedules) != nil
  }

  /// Changes that are due at `moment`, in their order, as the tables have them: a batch that begins by
  /// asking sees all.
  public func dueSchedules(
    at moment: Moment, limit: Int
  ) throws(ProjectionFailure) -> [(id: ScheduleID, change: ScheduledChange)] {
    var due: [(id: ScheduleID, change: ScheduledChange)] = []
    try forEachDue(in: tables.changeDeadlines, at: moment) {
      (key, row) throws(ProjectionFailure) in
      let change = try ScheduleRow.change(from: row, effectiveAt: key.deadline)
      due.append((ScheduleID(key.position), change))
      return due.count < limit
    }
    return due
  }

  /// The latest correction of an event, or nil.
  public func correction(of position: Position) throws(ProjectionFailure) -> Position? {
    let key = Key.number(position.rawValue)
    if let changed = changedRow(key.rawBytes, in: tables.corrections) {
      return try changed.map { (row) throws(ProjectionFailure) in
        try WordRow.position(from: row.rawBytes)
      }
    }
    guard let row = try get(key.rawBytes, in: tables.corrections) else { return nil }
    return try WordRow.position(from: row)
  }
}

extension FoldBatch {
  /// Limits or modes have changed with this event.
  mutating func changePolicy(
    _ event: borrowing FoldedEvent, _ change: (inout ProjectionState) -> Void = { _ in }
  ) {
    folder.working.mustBeStored = true
    folder.working.state.policy = event.position
    change(&folder.working.state)
  }

  mutating func grant(
    _ allowance: Allowance, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    var allowances = try allowances(of: allowance.user)
    allowances.apply(allowance)
    let key = Key.account(allowance.user)
    put(AllowancesRow.bytes(of: allowances), under: key.rawBytes, in: tables.allowances)
    // Readers see the position of this event before the tables are written.
    if folder.purpose == .deciding {
      folder.working.unpublished.allowances.append((allowance.user, allowances))
    }
    try change(allowance.user, event) { $0.hasAllowances = true }
  }

  mutating func schedule(_ change: ScheduledChange, _ event: borrowing FoldedEvent) {
    let key = Key.deadline(change.effectiveAt, event.position)
    put(ScheduleRow.bytes(of: change), under: key.rawBytes, in: tables.schedules)
    let byID = Key.number(event.position.rawValue)
    put(
      Array(copying: Key.number(UInt64(bitPattern: change.effectiveAt.microseconds)).rawBytes),
      under: byID.rawBytes, in: tables.scheduleIDs)
  }

  mutating func end(_ schedule: ScheduleID) throws(ProjectionFailure) {
    let byID = Key.number(schedule.position.rawValue)
    let word: UInt64?
    if let changed = changedRow(byID.rawBytes, in: tables.scheduleIDs) {
      word = changed?.rawBytes.word(at: 0)
    } else {
      word = try get(byID.rawBytes, in: tables.scheduleIDs)?.word(at: 0)
    }
    guard let word else { return }
    let moment = Moment(microseconds: Int64(bitPattern: word.byteSwapped))
    remove(Key.deadline(moment, schedule.position).rawBytes, from: tables.schedules)
    remove(byID.rawBytes, from: tables.scheduleIDs)
  }

  mutating func correct(
    _ correction: Correction, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    let index = try existing(correction.user, event)
    let windows = windows(containing: event.happenedAt)
    let effects = folder.working.accounts.update(at: index) {
      $0.account.correct(correction, in: windows)
    }
    let number = folder.working.accounts.number(at: index)
    for period in Period.allCases {
      guard case .late(let start) = effects[period] else { continue }
      let used = try pastUsage(of: number, period, start: start)
      keep(WindowUsage(start: start, used: correction.applied(to: used)), of: number, period)
    }
    let row = Key.number(event.position.rawValue.byteSwapped)
    put(
      Array(copying: row.rawBytes), under: Key.number(correction.corrected.rawValue).rawBytes,
      in: tables.corrections)
    try note(event.position, at: index)
  }
}

extension Account {
  fileprivate func isUnlimited(defaults: Limits) -> Bool {
    Period.allCases.allSatisfy { (ownLimits[$0] ?? defaults[$0]).isUnlimited }
  }
}
