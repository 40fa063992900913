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

  /// Thresholds that `user` has reached and nobody was told of: in the latest windows, or where a clock
  /// that was ahead has moved those beyond `moment`, in those that hold it.
  public mutating func crossings(
    of thresholds: Thresholds, by user: UserID, at moment: Moment
  ) throws(ProjectionFailure) -> [ThresholdCrossing] {
    guard !thresholds.percents.isEmpty, let index = try index(of: user) else { return [] }
    let account = folder.working.accounts.account(at: index)
    let limits = account.ownLimits.effective(defaults: state.defaults.limits)
    // What is allowed on top of no limit is no limit either.
    guard limits != .unlimited else { return [] }
    let allowances = account.hasAllowances ? try allowances(of: user) : .none
    var crossings: [ThresholdCrossing] = []
    for period in Period.allCases where !limits[period].isUnlimited {
      let window: WindowUsage
      let told: UInt8
      // What is no sum of others the account knows itself.
      if let counted = period.counted, account.latest[counted].start <= moment {
        (window, told) = (account.latest[counted], account.told[counted])
      } else {
        (window, told) = try lastWindow(at: index, period, moment)
      }
      let limit = limits[period].raised(
        by: allowances.tokens(period, inWindowStarting: window.start))
      crossings += account.crossings(of: thresholds, in: window, period, limit: limit, told: told)
    }
    return crossings
  }

  /// What an account used in the window of its latest day, or in the one of `moment` where that is earlier, and
  /// the highest threshold told there.
  private mutating func lastWindow(
    at index: Int, _ period: Period, _ moment: Moment
  ) throws(ProjectionFailure) -> (window: WindowUsage, told: UInt8) {
    let entry = folder.working.accounts.entry(at: index)
    let latest = entry.account.latest.daily
    // Whoever has used nothing yet has no window but that of the moment.
    let last = latest == .never ? moment : min(latest.start, moment)
    let window = windows(containing: last)[period]
    let used = try used(by: entry, in: window)
    return (
      WindowUsage(start: window.start, used: used),
      try told(entry.number, period, start: window.start)
    )
  }

  private func told(
    _ account: AccountNumber, _ period: Period, start: Moment
  ) throws(ProjectionFailure) -> UInt8 {
    let key = Key.window(account, period, start: start)
    let told = try row(key.rawBytes, in: tables.told) { (row) throws(ProjectionFailure) in
      guard row.byteCount == 1 else { throw .malformedRow(table: "told") }
      return row.byte(at: 0)
    }
    return told ?? 0
  }

  func allowances(of user: UserID) throws(ProjectionFailure) -> Allowances {
    let key = Key.account(user)
    return try row(key.rawBytes, in: tables.allowances, AllowancesRow.allowances) ?? .none
  }

  /// A change that is still to come, or nil.
  public func isScheduled(
    _ schedule: ScheduleID, at moment: Moment
  ) throws(ProjectionFailure) -> Bool {
    let key = Key.deadline(moment, schedule.position)
    return try row(key.rawBytes, in: tables.schedules) { _ in } != nil
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
    return try row(key.rawBytes, in: tables.corrections, WordRow.position)
  }
}

extension FoldBatch {
  /// A threshold was told; what was of the account's latest window, the account says itself.
  mutating func tell(
    _ crossing: ThresholdCrossing, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    let index = try existing(crossing.user, at: event.position)
    let account = folder.working.accounts.account(at: index)
    let latest = crossing.period.counted.map { account.latest[$0].start }
    guard latest != crossing.windowStart else { return }
    let number = folder.working.accounts.number(at: index)
    let told = try told(number, crossing.period, start: crossing.windowStart)
    keepTold(
      max(told, crossing.percent), of: number, crossing.period, start: crossing.windowStart)
  }

  /// Keeps what was told of a window that is not the account's latest, or not any more: a clock that was
  /// ahead may come back to it. Only decisions ask for it, so that it may wait in memory.
  mutating func keepTold(
    _ percent: UInt8, of account: AccountNumber, _ period: Period, start: Moment
  ) {
    guard percent > 0 else { return }
    let key = Key.window(account, period, start: start)
    folder.working.direct.put([percent], under: key.rawBytes, in: tables.told)
  }

  mutating func grant(
    _ allowance: Allowance, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    folder.working.state.policy = event.position
    var allowances = try allowances(of: allowance.user)
    allowances.apply(allowance)
    let key = Key.account(allowance.user)
    put(AllowancesRow.bytes(of: allowances), under: key.rawBytes, in: tables.allowances)
    // Readers see the position of this event before the tables are written.
    if folder.purpose.isForReaders {
      folder.working.unpublished.allowances.append((allowance.user, allowances))
    }
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
    let word = try row(byID.rawBytes, in: tables.scheduleIDs) { $0.word(at: 0) }
    guard let word else { return }
    let moment = Moment(microseconds: Int64(bitPattern: word.byteSwapped))
    remove(Key.deadline(moment, schedule.position).rawBytes, from: tables.schedules)
    remove(byID.rawBytes, from: tables.scheduleIDs)
  }

  /// Keeps which event corrects another one last.
  mutating func keep(_ correction: Correction, _ event: borrowing FoldedEvent) {
    let row = Key.number(event.position.rawValue.byteSwapped)
    put(
      Array(copying: row.rawBytes), under: Key.number(correction.corrected.rawValue).rawBytes,
      in: tables.corrections)
  }
}
