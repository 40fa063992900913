import QuotaModel

/// What a projection has to say after a history, reckoned in the plainest way there is: dictionaries
/// of sums, and lists of everything that happened.
struct PlainReckoning {
  /// One window of one user.
  struct Place: Hashable {
    let user: UserID
    let window: Window
  }

  struct Request: Hashable {
    let actor: Actor
    let id: RequestID
  }

  private(set) var events: [Event] = []
  private(set) var setting: CalendarSetting
  private(set) var defaults = Limits.unlimited
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
  private(set) var openHolds: [HoldID: (hold: Hold, actor: Actor)] = [:]
  private var calendar: QuotaCalendar
  private let calendarOf: (CalendarSetting) -> QuotaCalendar

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
    case .roleChanged(let user, old: _, let new): roles[user] = new
    case .tokenIssued(let issue): tokens[issue.token] = issue
    case .tokenRevoked(let token, user: _): revoked.insert(token)
    case .defaultsChanged(let changes):
      for change in changes { defaults[change.period] = change.new ?? .unlimited }
    case .limitsChanged(let user, let changes):
      for change in changes { limits[user, default: .none][change.period] = change.new }
    case .calendarChanged(let setting):
      if !hasSpends { (self.setting, calendar) = (setting, calendarOf(setting)) }
    case .tokensSpent(let spend): count(spend, event)
    case .spendHeld(let hold): openHolds[HoldID(event.position)] = (hold, event.actor)
    case .holdSettled(let id, let spend):
      openHolds[id] = nil
      count(spend, event)
    case .holdVoided(let id, user: _), .holdExpired(let id, user: _): openHolds[id] = nil
    // Sessions are reckoned by a simulation of their own.
    case .spendRefused, .sessionStarted, .session, .budgetChanged: break
    }
  }

  private mutating func count(_ spend: Spend, _ event: Event) {
    hasSpends = true
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
    return Account(
      user: user, role: role, isActive: !inactive.contains(user),
      ownLimits: limits[user] ?? .none,
      latest: PerPeriod { period in latest(period, in: used) }, reserved: .of(held),
      lifetime: .of(lifetimes[user] ?? 0))
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
