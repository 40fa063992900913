import QuotaModel
import TestSupport

/// Draws what happens next, as a service could record it: users before their spends, holds before
/// their ends, late spends, long pauses.
struct RandomHistory {
  var numbers: SeededNumbers
  private(set) var reckoning: PlainReckoning
  private var now = Moment.at("2026-03-20T22:00:00Z")
  private var ended: [(id: HoldID, user: UserID)] = []

  static let settings = [
    CalendarSetting.default, CalendarSetting(zone: "Europe/Tallinn", weekStart: .monday),
    CalendarSetting(zone: "America/Havana", weekStart: .sunday),
  ]

  init(seed: UInt64? = nil) {
    numbers = seed.map { SeededNumbers(seed: $0) } ?? SeededNumbers()
    reckoning = PlainReckoning(setting: .default, calendarOf: Self.calendar)
  }

  static func calendar(_ setting: CalendarSetting) -> QuotaCalendar {
    ZoneDatabase.calendar(setting.zone, weekStart: setting.weekStart)
  }

  /// Draws an event and takes it into the reckoning.
  mutating func next() -> Event {
    now = now.advanced(bySeconds: chance(1, in: 40) ? int(400_000) : int(900))
    let fact = fact()
    if let (id, user) = Self.end(fact) { ended.append((id, user)) }
    let event = Event(
      position: reckoning.position.next, recordedAt: now, happenedAt: happening(fact),
      actor: actor(), requestID: requestID(), fact: fact)
    reckoning.add(event)
    return event
  }

  private mutating func fact() -> Fact {
    if reckoning.users.isEmpty || (reckoning.users.count < 8 && chance(1, in: 20)) {
      return chance(1, in: 2)
        ? .calendarChanged(calendarSetting())
        : .userRegistered(UserID(random: numbers.next(), numbers.next()), role: role())
    }
    switch int(100) {
    case 0..<65: return .tokensSpent(spend(by: user()))
    case 65..<69: return .limitsChanged(user(), changes())
    case 69: return .defaultsChanged(changes())
    case 70: return change()
    case 71..<73: return .userDeactivated(user())
    case 73..<75: return .userReactivated(user())
    case 75: return chance(1, in: 4) ? .userErased(user()) : .userReactivated(user())
    case 76: return .roleChanged(user(), old: role(), new: role())
    case 77..<80: return .tokenIssued(issue())
    case 80..<82: return revocation() ?? .tokenIssued(issue())
    case 82..<84: return .spendRefused(refusal())
    case 84..<92: return .spendHeld(hold())
    default: return endOfHold() ?? .spendHeld(hold())
    }
  }

  private mutating func endOfHold() -> Fact? {
    if chance(1, in: 10), let (id, user) = one(of: ended) {
      var settlement = Settlement(spend: spend(by: user))
      settlement.isLate = chance(1, in: 2)
      return .holdSettled(id, settlement)
    }
    guard let (id, open) = one(of: reckoning.openHolds.sorted { $0.key < $1.key }) else {
      return nil
    }
    if open.hold.expiresAt <= now { return .holdExpired(id, user: open.hold.user) }
    let user = open.hold.user
    switch int(6) {
    case 0, 1: return .holdVoided(id, user: user)
    case 2: return .holdDrawn(id, Settlement(spend: spend(by: user)))
    case 3:
      return .holdExtended(id, user: user, expiresAt: now.advanced(bySeconds: int(5_000)))
    default: return .holdSettled(id, Settlement(spend: spend(by: user)))
    }
  }

  /// What changes the limits, or what was counted.
  private mutating func change() -> Fact {
    let user = user()
    switch int(5) {
    case 0:
      return .modesChanged(
        chance(1, in: 3) ? nil : user,
        [ModeChange(period: .weekly, old: nil, new: one(of: LimitMode.allCases))])
    case 1:
      return .allowanceGranted(
        Allowance(user: user, period: .daily, windowStart: now, tokens: count()))
    case 2:
      return .limitsScheduled(
        ScheduledChange(
          user: chance(1, in: 3) ? nil : user, updates: LimitUpdates(repeating: .unset),
          effectiveAt: now.advanced(bySeconds: int(5_000))))
    case 3:
      let window = reckoning.account(user)?.latest.daily ?? .never
      return .thresholdCrossed(
        ThresholdCrossing(
          user: user, period: .daily, windowStart: window.start, percent: UInt8(int(200)),
          limit: .unlimited, used: window.used))
    default: return correction() ?? .tokensSpent(spend(by: user))
    }
  }

  /// Corrects a spend to something else.
  private mutating func correction() -> Fact? {
    guard let (event, old) = one(of: reckoning.correctable.sorted { $0.key < $1.key }) else {
      return nil
    }
    return .usageCorrected(
      Correction(
        user: old.user, corrected: event, old: old.tokens, usage: TokenUsage(total: count())))
  }

  private static func end(_ fact: Fact) -> (HoldID, UserID)? {
    switch fact {
    case .holdVoided(let id, let user), .holdExpired(let id, let user): (id, user)
    default: nil
    }
  }

  private mutating func revocation() -> Fact? {
    let issues = reckoning.tokens.values.sorted { $0.token < $1.token }
    return one(of: issues).map { .tokenRevoked($0.token, user: $0.user) }
  }

  private mutating func issue() -> TokenIssue {
    TokenIssue(
      token: TokenID(numbers.next()), user: user(),
      digest: TokenDigest((numbers.next(), numbers.next(), numbers.next(), numbers.next())),
      expiresAt: chance(1, in: 2) ? now.advanced(bySeconds: int(9_000_000)) : nil)
  }

  private mutating func hold() -> Hold {
    Hold(
      user: user(), tokens: count(), expiresAt: now.advanced(bySeconds: int(5_000)))
  }

  private mutating func refusal() -> Refusal {
    Refusal(user: user(), estimate: chance(1, in: 2) ? count() : nil, violations: [])
  }

  private mutating func spend(by user: UserID) -> Spend {
    Spend(user: user, usage: TokenUsage(total: count()))
  }

  private mutating func changes() -> [LimitChange] {
    Period.allCases.filter { _ in chance(1, in: 2) }.map { period in
      let limit = TokenLimit(Int64.random(in: -1...1_000_000, using: &numbers))
      return LimitChange(period: period, old: nil, new: chance(1, in: 3) ? nil : limit)
    }
  }

  /// Only what changes nothing once spends are counted: anything else starts a rebuild.
  private mutating func calendarSetting() -> CalendarSetting {
    guard !reckoning.hasSpends, let setting = one(of: Self.settings) else {
      return reckoning.setting
    }
    return setting
  }

  /// Mostly now; late by up to seventy days, or announced a little early.
  private mutating func happening(_ fact: Fact) -> Moment {
    if case .usageCorrected(let correction) = fact {
      return reckoning.correctable[correction.corrected]?.at ?? now
    }
    return switch int(10) {
    case 0: now.advanced(bySeconds: -int(70 * 86_400))
    case 1: now.advanced(bySeconds: -int(2 * 86_400))
    case 2: now.advanced(bySeconds: int(300))
    default: now
    }
  }

  private mutating func actor() -> Actor {
    let registered = one(of: reckoning.users).map(Actor.user)
    return chance(3, in: 4) ? registered ?? .operator : .operator
  }

  /// Short ids, of which one may begin another, and which several actors use.
  private mutating func requestID() -> RequestID? {
    guard chance(2, in: 3) else { return nil }
    let number = reckoning.events.count
    let text = chance(1, in: 2) ? "\(number)" : "0198c0de-0000-7000-8000-\(number)"
    return try? RequestID(text)
  }

  private mutating func role() -> Role { one(of: Role.allCases) ?? .user }

  /// The first of the users acts most.
  private mutating func user() -> UserID {
    chance(1, in: 3) ? reckoning.users[0] : one(of: reckoning.users) ?? reckoning.users[0]
  }

  private mutating func count() -> TokenCount { .of(int(chance(1, in: 8) ? 1 << 40 : 1000)) }

  mutating func one<Value>(of values: [Value]) -> Value? { values.randomElement(using: &numbers) }

  mutating func chance(_ share: Int64, in all: Int64) -> Bool { int(all) < share }

  mutating func int(_ bound: Int64) -> Int64 { Int64.random(in: 0..<bound, using: &numbers) }
}
