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
      try count(tokens, of: user, event)
    case .other(let fact):
      if !fact.kind.isCountedFromLog { folder.working.changesTables = true }
      try fold(fact, event)
    }
    if let id = event.requestID { try remember(id, of: event.actor, at: event.position) }
    folder.working.state.position = event.position
    folder.working.state.recordedAt = event.recordedAt
  }

  private mutating func fold(
    _ fact: Fact, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    switch fact {
    case .userRegistered(let user, let role):
      try register(user, role: role, event)
    case .userDeactivated(let user):
      try update(user, event) { $0.isActive = false }
    case .userReactivated(let user):
      try update(user, event) { $0.isActive = !$0.isErased }
    case .userErased(let user):
      try update(user, event) { $0.erase() }
    case .roleChanged(let user, old: _, let new):
      try update(user, event) { $0.role = new }
    case .limitsChanged(let user, let changes):
      changePolicy(event)
      try update(user, event) { $0.apply(changes) }
    case .tokenIssued(let issue):
      try issueToken(issue, event)
      try update(issue.user, event) { _ in }
    case .tokenRevoked(let token, let user):
      try revoke(token)
      try update(user, event) { _ in }
    case .defaultsChanged(let changes):
      changePolicy(event) { state in
        for change in changes { state.defaults.limits[change.period] = change.new ?? .unlimited }
      }
      keepSystem(event)
    case .modesChanged(nil, let changes):
      changePolicy(event) { state in
        for change in changes { state.defaults.modes[change.period] = change.new ?? .hard }
      }
      keepSystem(event)
    case .modesChanged(let user?, let changes):
      changePolicy(event)
      try update(user, event) { $0.apply(changes) }
    case .allowanceGranted(let allowance):
      changePolicy(event)
      try grant(allowance, event)
    case .limitsScheduled(let change):
      schedule(change, event)
      if let user = change.user { try update(user, event) { _ in } }
    case .scheduleEnded(let schedule, let user, wasApplied: _):
      try end(schedule)
      if let user { try update(user, event) { _ in } }
    case .thresholdCrossed(let crossing):
      try tell(crossing, event)
    case .calendarChanged(let setting):
      try change(to: setting)
      keepSystem(event)
    case .spendHeld(let hold):
      try open(hold, event)
    case .holdVoided(let hold, let user):
      try end(hold, .voided, event)
      try update(user, event) { _ in }
    case .holdExpired(let hold, let user):
      try end(hold, .expired, event)
      try update(user, event) { _ in }
    case .holdExtended(let hold, let user, let expiresAt):
      try extend(hold, to: expiresAt, event)
      try update(user, event) { _ in }
    case .spendRefused(let refusal), .spendShadowed(let refusal):
      try update(refusal.user, event) { _ in }
    case .tokensSpent(let spend):
      try count(spend.usage.total, of: spend.user, event)
    case .holdSettled(let hold, let settlement):
      try settle(hold, settlement, event)
    case .holdDrawn(let hold, let settlement):
      try draw(hold, settlement, event)
    case .usageCorrected(let correction):
      try correct(correction, event)
    case .sessionStarted(let start):
      try begin(start, event)
    case .session(let session, let fact):
      try self.fold(fact, of: session, event)
    case .budgetChanged(let change):
      try self.fold(change)
    }
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
    try update(user, event) { _ in }
  }

  mutating func count(
    _ tokens: TokenCount, of user: UserID, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    try count(
      tokens, at: try existing(user, at: event.position), event.position,
      in: windows(containing: event.happenedAt))
  }

  mutating func count(
    _ tokens: TokenCount, at index: Int, _ position: Position, in windows: PerPeriod<Window>
  ) throws(ProjectionFailure) {
    let (told, effects) = folder.working.accounts.update(at: index) {
      ($0.account.told, $0.account.count(tokens, in: windows))
    }
    folder.working.state.hasSpends = true
    let number = folder.working.accounts.number(at: index)
    for period in Period.allCases {
      switch effects[period] {
      case .counted: break
      case .opened(let previous):
        keep(previous, of: number, period)
        keepTold(told[period], of: number, period, start: previous.start)
      case .late(let start): try add(tokens, to: start, of: number, period)
      }
    }
    try note(position, at: index)
  }

  /// Changes an account and notes the event in its history.
  mutating func update(
    _ user: UserID, _ event: borrowing FoldedEvent, _ change: (inout Account) -> Void
  ) throws(ProjectionFailure) {
    let index = try existing(user, event)
    folder.working.accounts.update(at: index) { change(&$0.account) }
    try note(event.position, at: index)
  }

  mutating func existing(
    _ user: UserID, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) -> Int {
    try existing(user, at: event.position)
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
    _ usage: WindowUsage, of account: AccountNumber, _ period: Period
  ) {
    guard usage != .never else { return }
    let window = WindowKey(account: account, period: period, start: usage.start)
    folder.working.past.keep(usage.used, in: window)
    if folder.purpose.isForReaders {
      folder.working.unpublished.windows.append((window, usage.used))
    }
  }

  private mutating func add(
    _ tokens: TokenCount, to start: Moment, of account: AccountNumber, _ period: Period
  ) throws(ProjectionFailure) {
    let used = try pastUsage(of: account, period, start: start)
    // Decisions keep an account's lifetime total within bounds, so no window can overflow.
    keep(
      WindowUsage(start: start, used: used.adding(tokens) ?? .maximum), of: account, period)
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
      SnapshotRow.bytes(of: entry, allowances),
      under: Key.history(entry.number, from: position.rawValue).rawBytes, in: tables.snapshots)
  }

  /// Keeps what holds for everybody from this event on.
  private mutating func keepSystem(_ event: borrowing FoldedEvent) {
    let row = SystemRow.bytes(state.defaults, folder.working.announcedCalendar)
    put(row, under: Key.number(event.position.rawValue).rawBytes, in: tables.systemEvents)
  }

  private mutating func change(to setting: CalendarSetting) throws(ProjectionFailure) {
    folder.working.announcedCalendar = setting
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
  func changedRow(_ key: RawSpan, in table: Table) -> [UInt8]?? {
    folder.working.direct.row(key, in: table) ?? folder.working.storing?.direct.row(key, in: table)
  }
}
