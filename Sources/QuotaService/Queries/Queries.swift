internal import EventLog
internal import Projections
public import QuotaModel

/// Answers from the projection and the log; never writes, never waits for the writer.
public struct Queries: Sendable {
  let store: Store
  /// Called before each view is opened, so that tests can write in between.
  var beforeReading: (@Sendable () -> Void)?

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
    let (entry, position) = try reading { (snapshot) throws(ProjectionFailure) in
      (try snapshot.account(user), try snapshot.state().position)
    }
    guard let entry else { return nil }
    return UserReading(
      account: entry.account, name: try store.names.name(of: user), position: position)
  }

  /// Users in the order of their ids.
  public func users(after user: UserID?, limit: Int) throws(StoreFailure) -> [UserReading] {
    let (entries, position) = try reading { (snapshot) throws(ProjectionFailure) in
      (try snapshot.storedAccounts(after: user, limit: limit), try snapshot.storedState().position)
    }
    var users: [UserReading] = []
    for entry in entries {
      users.append(
        UserReading(
          account: entry.account, name: try store.names.name(of: entry.account.user),
          position: position))
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

  /// Runs `body` with a view of everything that is folded, for one position.
  ///
  /// The figures of an answer come from one call of this: a second one may be true for a later position.
  /// What is looked up apart from them has to be an event at or before that position, or follow from such
  /// events alone.
  func reading<Result>(
    _ body: (borrowing Snapshot) throws(ProjectionFailure) -> Result
  ) throws(StoreFailure) -> Result {
    beforeReading?()
    return try usingProjection(store.generation.read(body))
  }

  private func usage(
    of reference: UserReference, windows: (QuotaCalendar) -> PerPeriod<Window>
  ) throws(StoreFailure) -> UsageReading? {
    guard let user = try identity(of: reference) else { return nil }
    return try view(of: user, holdLimit: 0, windows: windows)?.reading
  }
}

/// A user as the directory knows one.
public struct UserReading: Sendable {
  public let account: Account
  public let name: UserName?
  /// What the account is true for.
  public let position: Position
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
  public let account: Account
  public let defaults: SystemPolicy
  public let allowances: Allowances
  public let windows: PerPeriod<Window>
  public let used: PerPeriod<TokenCount>
  public let calendar: QuotaCalendar
  public let position: Position

  /// The limits in force: own ones where there are, else the defaults; without what was allowed on top.
  public var limits: Limits { account.ownLimits.effective(defaults: defaults.limits) }

  /// The limits that decide, with what was allowed on top.
  public var policy: Policy {
    account.policy(defaults: defaults, allowances: allowances, in: windows)
  }
}
