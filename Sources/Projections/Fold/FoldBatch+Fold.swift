internal import LMDB
internal import QuotaModel

extension FoldBatch {
  /// Takes the next event into account.
  public mutating func fold(_ event: borrowing FoldedEvent) throws(ProjectionFailure) {
    guard event.position == state.position.next else {
      throw .gap(expected: state.position.next, found: event.position)
    }
    folder.working.hasFolded = true
    folder.working.unstoredCount += 1
    switch event.change {
    case .spent(let user, let tokens):
      let index = try existing(user, at: event.position)
      try count(UsageChange(user: user, tokens: tokens), at: index, event.happenedAt)
      try note(event.position, at: index)
    case .other(let fact):
      if !fact.kind.isCountedFromLog { folder.working.changesTables = true }
      try fold(fact, event)
    }
    if let id = event.requestID { try remember(id, of: event.actor, at: event.position) }
    folder.working.state.position = event.position
    folder.working.state.recordedAt = event.recordedAt
  }

  /// What a fact does says the model; this finds the rows of it and stores them.
  private mutating func fold(
    _ fact: Fact, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    var step: HoldStep?
    switch fact.effect(at: event.position) {
    case .nothing: break
    case .registration(let user, let role): try register(user, role: role, event)
    case .token(let issue): try issueToken(issue, event)
    case .tokenEnd(let token): try revoke(token)
    case .system(let change): try fold(change, event)
    case .ownPolicy: folder.working.state.policy = event.position
    case .allowance(let allowance): try grant(allowance, event)
    case .schedule(let change): schedule(change, event)
    case .scheduleEnd(let schedule): try end(schedule)
    case .crossing(let crossing): try tell(crossing, event)
    case .correction(let correction): keep(correction, event)
    case .hold(let hold, let change): step = try fold(change, of: hold, event)
    case .sessionStart(let start): begin(start, event)
    case .session(let session, let fact): try fold(fact, of: session, event)
    case .budget(let change): try update(change.budget) { $0.apply(change) }
    }
    if let user = fact.user { try fold(fact, of: user, step, event) }
  }

  private mutating func fold(
    _ fact: Fact, of user: UserID, _ step: HoldStep?, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    let index = try existing(user, at: event.position)
    folder.working.accounts.update(at: index) { $0.account.apply(fact, step) }
    if let change = fact.usageChange { try count(change, at: index, event.happenedAt) }
    try note(event.position, at: index)
  }

  private mutating func register(
    _ user: UserID, role: Role, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    guard try index(of: user) == nil else {
      throw .contradiction(at: event.position, "registers user \(user) a second time")
    }
    folder.working.state.accountCount += 1
    let number = AccountNumber(folder.working.state.accountCount)
    _ = folder.working.accounts.insert(
      AccountEntry(number: number, account: Account(user: user, role: role)))
  }

  mutating func count(
    _ change: UsageChange, at index: Int, _ happenedAt: Moment
  ) throws(ProjectionFailure) {
    let windows = windows(containing: happenedAt)
    let effects = folder.working.accounts.update(at: index) {
      $0.account.count(change, in: windows)
    }
    folder.working.state.hasSpends = true
    let number = folder.working.accounts.number(at: index)
    for period in CountedPeriod.allCases {
      switch effects[period] {
      case .counted: break
      case .opened(let previous, let told):
        keep(previous, of: number, period)
        keepTold(told, of: number, period.period, start: previous.start)
      case .late(let start):
        let window = CountedWindow(period: period, start: start)
        let used = change.applied(to: try pastUsage(of: number, window))
        keep(WindowUsage(start: start, used: used), of: number, period)
      }
    }
  }

  mutating func existing(
    _ user: UserID, at position: Position
  ) throws(ProjectionFailure) -> Int {
    guard let index = try index(of: user) else {
      throw .contradiction(at: position, "concerns user \(user), whom no event registered")
    }
    return index
  }

  mutating func keep(
    _ usage: WindowUsage, of account: AccountNumber, _ period: CountedPeriod
  ) {
    guard usage != .never else { return }
    let window = WindowKey(
      account: account, window: CountedWindow(period: period, start: usage.start))
    folder.working.past.keep(usage.used, in: window)
    if folder.purpose.isForReaders {
      folder.working.unpublished.windows.append((window, usage.used))
    }
  }

  mutating func note(_ position: Position, at index: Int) throws(ProjectionFailure) {
    if folder.purpose.isForReaders, folder.working.accounts.touch(at: index) {
      folder.working.touched.append(index)
    }
    let full = folder.working.accounts.update(at: index) { $0.note(position) }
    guard let full else { return }
    let number = folder.working.accounts.number(at: index)
    if full.isFollowedBySnapshot { try keepSnapshot(at: index, position) }
    if folder.working.gathered != nil {
      folder.working.gathered!.append(full, of: number)
      return
    }
    folder.working.past.append(full, of: number)
    if folder.purpose.isForReaders { folder.working.unpublished.blocks.append((number, full)) }
  }

  /// Keeps an account as it is after an event, for questions about the past.
  private mutating func keepSnapshot(
    at index: Int, _ position: Position
  ) throws(ProjectionFailure) {
    let entry = folder.working.accounts.entry(at: index)
    let allowances =
      entry.account.hasAllowances ? try allowances(of: entry.account.user) : nil
    folder.working.direct.put(
      SnapshotRow.bytes(of: entry, months: try monthsOfYear(of: entry), allowances),
      under: Key.history(entry.number, from: position.rawValue).rawBytes, in: tables.snapshots)
  }

  /// What the months held that a later question about the year needs; none where nobody asks.
  private mutating func monthsOfYear(
    of entry: AccountEntry
  ) throws(ProjectionFailure) -> [WindowUsage] {
    let latest = entry.account.latest.monthly
    guard entry.account.counts(.yearly, defaults: state.defaults.limits), latest != .never
    else { return [] }
    let year = calendar.window(.yearly, containing: latest.start)
    var months: [WindowUsage] = []
    for month in calendar.countedParts(of: year) where month.start < latest.start {
      months.append(
        WindowUsage(start: month.start, used: try pastUsage(of: entry.number, month)))
    }
    return months
  }

  /// Keeps what holds for everybody from this event on.
  private mutating func fold(
    _ change: SystemChange, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    var system = SystemState(policy: state.defaults, calendar: folder.working.announcedCalendar)
    system.apply(change)
    folder.working.state.defaults = system.policy
    folder.working.announcedCalendar = system.calendar
    switch change {
    case .limits, .modes: folder.working.state.policy = event.position
    case .calendar(let setting): try adopt(setting)
    }
    let key = Key.number(event.position.rawValue)
    put(SystemRow.bytes(of: system), under: key.rawBytes, in: tables.systemEvents)
  }

  private mutating func adopt(_ setting: CalendarSetting) throws(ProjectionFailure) {
    let key = AnnouncedCalendarRow.key
    put(AnnouncedCalendarRow.bytes(of: setting), under: key.rawBytes, in: tables.meta)
    if setting == state.calendar || folder.isCalendarPinned { return }
    if state.hasSpends {
      if folder.purpose.isForReaders { throw .calendarChanged(setting) }
      return
    }
    let calendar = try folder.rules(of: setting)
    folder.working.calendar = calendar
    folder.working.state.calendar = setting
    folder.working.state.zoneDigest = calendar.zone.digest
  }

  /// Writes to a table that the overlay does not cover: the batch has to be stored.
  mutating func put(_ row: [UInt8], under key: RawSpan, in table: Table) {
    folder.working.changesTables = true
    folder.working.direct.put(row, under: key, in: table)
  }

  mutating func remove(_ key: RawSpan, from table: Table) {
    folder.working.changesTables = true
    folder.working.direct.remove(key, from: table)
  }

  /// What became of a row since the tables were written: nil where nothing did, an empty answer where
  /// it was removed.
  private func changedRow(_ key: RawSpan, in table: Table) -> [UInt8]?? {
    folder.working.direct.row(key, in: table) ?? folder.working.storing?.direct.row(key, in: table)
  }

  /// What a row says by now, this batch included; nil where there is none.
  func row<Value>(
    _ key: RawSpan, in table: Table, _ value: (RawSpan) throws(ProjectionFailure) -> Value
  ) throws(ProjectionFailure) -> Value? {
    if let changed = changedRow(key, in: table) {
      guard let changed else { return nil }
      return try value(changed.rawBytes)
    }
    guard let stored = try get(key, in: table) else { return nil }
    return try value(stored)
  }
}
