import QuotaModel

/// What a projection has to say after a history, reckoned in the plainest way there is: dictionaries
/// of sums, and lists of everything that happened.
struct PlainReckoning {
  /// One window of one user.
  struct Place: Hashable {
    let user: UserID
    let window: Window
  }

  /// A window in which thresholds were told.
  private struct Told: Hashable {
    let user: UserID
    let period: Period
    let start: Moment
  }

  struct Request: Hashable {
    let actor: Actor
    let id: RequestID
  }

  private(set) var events: [Event] = []
  private(set) var setting: CalendarSetting
  private(set) var defaults = SystemPolicy()
  private(set) var hasSpends = false
  private(set) var users: [UserID] = []
  private(set) var roles: [UserID: Role] = [:]
  private(set) var inactive: Set<UserID> = []
  private(set) var limits: [UserID: OwnLimits] = [:]
  private(set) var used: [Place: Int64] = [:]
  private(set) var lifetimes: [UserID: Int64] = [:]
  private(set) var histories: [UserID: [Position]] = [:]
  private(set) var requests: [Request: Position] = [:]
  private(set) var tokens: [TokenID: TokenIssue] = [:]
  private(set) var revoked: Set<TokenID> = []
  private(set) var modes: [UserID: OwnModes] = [:]
  private(set) var policy = Position.zero
  private(set) var allowed: Set<UserID> = []
  private var erased: Set<UserID> = []
  private var told: [Told: UInt8] = [:]
  /// What each spend counts for by now.
  private(set) var correctable: [Position: (user: UserID, tokens: TokenCount, at: Moment)] = [:]
  private(set) var openHolds: [HoldID: (hold: Hold, actor: Actor)] = [:]
  var calendar: QuotaCalendar
  let calendarOf: (CalendarSetting) -> QuotaCalendar

  init(setting: CalendarSetting, calendarOf: @escaping (CalendarSetting) -> QuotaCalendar) {
    self.setting = setting
    self.calendarOf = calendarOf
    calendar = calendarOf(setting)
  }

  mutating func add(_ event: Event) {
    events.append(event)
    if let user = event.fact.user { histories[user, default: []].append(event.position) }
    if let id = event.requestID { requests[Request(actor: event.actor, id: id)] = event.position }
    switch event.fact {
    case .userRegistered(let user, let role):
      users.append(user)
      roles[user] = role
    case .userDeactivated(let user): inactive.insert(user)
    case .userReactivated(let user): inactive.remove(user)
    case .userErased(let user): erased.insert(user)
    case .roleChanged(let user, old: _, let new): roles[user] = new
    case .tokenIssued(let issue): tokens[issue.token] = issue
    case .tokenRevoked(let token, user: _): revoked.insert(token)
    case .defaultsChanged(let changes):
      for change in changes { defaults.limits[change.period] = change.new ?? .unlimited }
      policy = event.position
    case .modesChanged(nil, let changes):
      for change in changes { defaults.modes[change.period] = change.new ?? .hard }
      policy = event.position
    case .modesChanged(let user?, let changes):
      for change in changes { modes[user, default: .none][change.period] = change.new }
      policy = event.position
    case .allowanceGranted(let allowance):
      allowed.insert(allowance.user)
      policy = event.position
    case .limitsChanged(let user, let changes):
      policy = event.position
      for change in changes { limits[user, default: .none][change.period] = change.new }
    case .calendarChanged(let setting):
      if !hasSpends { (self.setting, calendar) = (setting, calendarOf(setting)) }
    case .tokensSpent(let spend): count(spend, event)
    case .spendHeld(let hold): openHolds[HoldID(event.position)] = (hold, event.actor)
    case .holdSettled(let id, let settlement):
      openHolds[id] = nil
      count(settlement.spend, event)
    case .holdDrawn(let id, let settlement):
      openHolds[id]?.hold.draw(settlement)
      count(settlement.spend, event)
    case .holdExtended(let id, user: _, let expiresAt): openHolds[id]?.hold.expiresAt = expiresAt
    case .usageCorrected(let correction): correct(correction, event)
    case .thresholdCrossed(let crossing):
      let place = Told(
        user: crossing.user, period: crossing.period, start: crossing.windowStart)
      told[place] = max(told[place] ?? 0, crossing.percent)
    case .holdVoided(let id, user: _), .holdExpired(let id, user: _): openHolds[id] = nil
    // Sessions are reckoned by a simulation of their own.
    case .spendRefused, .spendShadowed, .limitsScheduled, .scheduleEnded, .sessionStarted,
      .session, .budgetChanged:
      break
    }
  }

  private mutating func correct(_ correction: Correction, _ event: Event) {
    let difference = correction.usage.total.rawValue - correction.old.rawValue
    lifetimes[correction.user, default: 0] += difference
    for window in windows(containing: event.happenedAt) {
      used[Place(user: correction.user, window: window), default: 0] += difference
    }
    correctable[correction.corrected]?.tokens = correction.usage.total
  }

  private mutating func count(_ spend: Spend, _ event: Event) {
    hasSpends = true
    correctable[event.position] = (spend.user, spend.usage.total, event.happenedAt)
    lifetimes[spend.user, default: 0] += spend.usage.total.rawValue
    for window in windows(containing: event.happenedAt) {
      used[Place(user: spend.user, window: window), default: 0] += spend.usage.total.rawValue
    }
  }
}

extension PlainReckoning {
  var position: Position { events.last?.position ?? .zero }

  var recordedAt: Moment { events.last?.recordedAt ?? Moment(microseconds: .min) }

  func windows(containing moment: Moment) -> [Window] {
    Period.allCases.map { calendar.window($0, containing: moment) }
  }

  /// What was used in each window that the user ever spent in.
  func used(by user: UserID) -> [Window: Int64] {
    var found: [Window: Int64] = [:]
    for (place, tokens) in used where place.user == user { found[place.window] = tokens }
    return found
  }

  func account(_ user: UserID) -> Account? {
    guard let role = roles[user] else { return nil }
    let used = used(by: user)
    let held = openHolds.values.filter { $0.hold.user == user }
      .reduce(0) { $0 + $1.hold.tokens.rawValue }
    var account = Account(
      user: user, role: role, isActive: !inactive.contains(user),
      ownLimits: limits[user] ?? .none, ownModes: modes[user] ?? .none,
      latest: PerCount { latest($0.period, in: used) }, reserved: .of(held),
      lifetime: .of(lifetimes[user] ?? 0))
    account.hasAllowances = allowed.contains(user)
    if erased.contains(user) { account.erase() }
    account.told = PerCount { period in
      told[Told(user: user, period: period.period, start: account.latest[period].start)] ?? 0
    }
    return account
  }

  private func latest(_ period: Period, in used: [Window: Int64]) -> WindowUsage {
    let last = used.filter { $0.key.period == period }.max { $0.key.start < $1.key.start }
    return last.map { WindowUsage(start: $0.key.start, used: .of($0.value)) } ?? .never
  }

  func history(of user: UserID, after position: Position, limit: Int) -> [Position] {
    Array((histories[user] ?? []).filter { $0 > position }.prefix(limit))
  }

  var firstDeadline: Moment? { openHolds.values.map(\.hold.expiresAt).min() }

  /// Open holds that no longer count, in the order of their deadlines.
  func expired(at moment: Moment) -> [HoldID] {
    openHolds.filter { $0.value.hold.expiresAt <= moment }
      .sorted { ($0.value.hold.expiresAt, $0.key) < ($1.value.hold.expiresAt, $1.key) }
      .map(\.key)
  }
}

extension TokenCount {
  /// A count that these tests have come to.
  static func of(_ number: Int64) -> TokenCount {
    guard let count = TokenCount(number) else { preconditionFailure("\(number) is no count") }
    return count
  }
}
