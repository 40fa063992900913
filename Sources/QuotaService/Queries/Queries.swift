internal import EventLog
internal import Projections
public import QuotaModel

/// Answers from the projection and the log; never writes, never waits for the writer.
public struct Queries: Sendable {
  let store: Store

  public init(_ store: Store) { self.store = store }

  /// What a user's windows hold at `moment`, all from one state.
  public func usage(
    of reference: UserReference, at moment: Moment
  ) throws(StoreFailure) -> UsageReading? {
    try usage(of: reference) { (calendar) in
      PerPeriod { calendar.window($0, containing: moment) }
    }
  }

  /// What the windows held that a local date lies in.
  public func usage(
    of reference: UserReference, on date: CalendarDate
  ) throws(StoreFailure) -> UsageReading? {
    try usage(of: reference) { (calendar) in PerPeriod { calendar.window($0, of: date) } }
  }

  /// The user behind a name or an id, registered, or nil.
  public func user(_ reference: UserReference) throws(StoreFailure) -> UserReading? {
    guard let user = try identity(of: reference) else { return nil }
    let entry = try reading { (snapshot) throws(ProjectionFailure) in try snapshot.account(user) }
    guard let entry else { return nil }
    return UserReading(account: entry.account, name: try store.names.name(of: user))
  }

  /// Users in the order of their ids.
  public func users(after user: UserID?, limit: Int) throws(StoreFailure) -> [UserReading] {
    let entries = try reading { (snapshot) throws(ProjectionFailure) in
      try snapshot.accounts(after: user, limit: limit)
    }
    var users: [UserReading] = []
    for entry in entries {
      users.append(
        UserReading(account: entry.account, name: try store.names.name(of: entry.account.user)))
    }
    return users
  }

  /// What a presented token is worth at `moment`.
  public func identify(_ token: TokenDigest, at moment: Moment) throws(StoreFailure) -> Identity {
    try reading { (snapshot) throws(ProjectionFailure) in
      guard let entry = try snapshot.token(token),
        let account = try snapshot.account(entry.user)?.account
      else { return .unknown }
      if !account.isActive { return .inactive }
      if let end = entry.expiresAt, end <= moment { return .expired }
      return .user(account.user, account.role, expiresAt: entry.expiresAt)
    }
  }

  /// The system's own settings.
  public func system() throws(StoreFailure) -> SystemReading {
    try reading { (snapshot) throws(ProjectionFailure) in
      let state = try snapshot.state()
      return SystemReading(
        defaults: state.defaults, calendar: state.calendar, userCount: Int(state.accountCount),
        position: state.position)
    }
  }

  public func name(of user: UserID) throws(StoreFailure) -> UserName? {
    try store.names.name(of: user)
  }

  func identity(of reference: UserReference) throws(StoreFailure) -> UserID? {
    switch reference {
    case .id(let user): user
    case .name(let name): try store.names.user(named: name)
    }
  }

  func reading<Result>(
    _ body: (borrowing Snapshot) throws(ProjectionFailure) -> Result
  ) throws(StoreFailure) -> Result {
    try usingProjection { () throws(ProjectionFailure) in try store.generation.read(body) }
  }

  private func usage(
    of reference: UserReference, windows: (QuotaCalendar) -> PerPeriod<Window>
  ) throws(StoreFailure) -> UsageReading? {
    guard let user = try identity(of: reference) else { return nil }
    // One view for all of it: a server beside us may store its tables at any moment.
    var held: [HoldID: TokenCount] = [:]
    let reading = try reading { (snapshot) throws(ProjectionFailure) -> UsageReading? in
      guard let entry = try snapshot.account(user) else { return nil }
      let state = try snapshot.state()
      let calendar = try store.calendars.rules(of: state.calendar)
      let windows = windows(calendar)
      let used = try PerPeriod<TokenCount> { (period) throws(ProjectionFailure) in
        try snapshot.used(by: entry, in: windows[period])
      }
      if store.isBesideWriter { held = try snapshot.heldTokens(of: entry) }
      return UsageReading(
        account: entry.account, defaults: state.defaults,
        allowances: try snapshot.allowances(of: entry.account), windows: windows, used: used,
        calendar: calendar, position: state.position)
    }
    guard let reading, store.isBesideWriter else { return reading }
    return try addingTail(to: reading, held)
  }

  /// Counts what the log has and the tables of a running server do not have yet. Only what changes no
  /// rights and no limits waits in a server's memory; everything else is in its tables before anybody is
  /// told, so that whatever follows the first such event has been told to nobody when the tables were
  /// read.
  private func addingTail(
    to reading: UsageReading, _ held: [HoldID: TokenCount]
  ) throws(StoreFailure) -> UsageReading {
    var tail = UsageTail(reading, held: held)
    var damage: (position: Position, found: RecordDamage)?
    try usingLog { () throws(LogFailure) in
      try store.log.scan(.only, after: reading.position) { record in
        guard record.kind.mayWaitInMemory else { return .stop }
        do throws(RecordDamage) {
          try tail.count(record)
        } catch {
          damage = (record.position, error)
        }
        return damage == nil ? .proceed : .stop
      }
    }
    if let damage { throw .log(.damaged(at: damage.position, damage.found)) }
    return tail.reading
  }
}

/// A user as the directory knows one.
public struct UserReading: Sendable {
  public let account: Account
  public let name: UserName?
}

/// What holds for everybody.
public struct SystemReading: Sendable {
  public let defaults: SystemPolicy
  public let calendar: CalendarSetting
  public let userCount: Int
  public let position: Position
}

/// What a token is worth.
public enum Identity: Hashable, Sendable {
  case unknown
  case inactive
  case expired
  case user(UserID, Role, expiresAt: Moment?)
}

/// What a user's windows hold, true for one position of the log.
public struct UsageReading: Sendable {
  public var account: Account
  public let defaults: SystemPolicy
  public let allowances: Allowances
  public let windows: PerPeriod<Window>
  public var used: PerPeriod<TokenCount>
  public let calendar: QuotaCalendar
  public var position: Position

  /// The limits in force: own ones where there are, else the defaults; without what was allowed on top.
  public var limits: Limits { account.ownLimits.effective(defaults: defaults.limits) }

  /// The limits that decide, with what was allowed on top.
  public var policy: Policy {
    account.policy(defaults: defaults, allowances: allowances, in: windows)
  }
}
