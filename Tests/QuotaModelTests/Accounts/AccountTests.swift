import QuotaModel
import TestSupport
import Testing

@Suite struct `An account` {
  private let user = UserID(high: 1, low: 2)

  @Test func `starts with nothing used, reserved or limited`() {
    let account = Account(user: user, role: .user)
    #expect(account.isActive)
    #expect(account.ownLimits == .none)
    #expect(account.latest == PerCount(repeating: .never))
    #expect(account.reserved == .zero)
    #expect(account.lifetime == .zero)
  }

  @Test func `counts a spend once in its day, its week and its month`() {
    var account = Account(user: user, role: .user)
    let windows = Self.windows(at: "2026-11-20T12:00:00Z")
    #expect(
      account.count(spend(5), in: windows)
        == PerCount(repeating: .opened(previous: .never, told: 0)))
    #expect(account.count(spend(2), in: windows) == PerCount(repeating: .counted))
    #expect(
      account.latest == PerCount { WindowUsage(start: windows[$0.period].start, used: .of(7)) })
    #expect(account.lifetime == .of(7))
  }

  @Test func `opens a window when a later spend comes, and gives back the one before`() {
    var account = Account(user: user, role: .user)
    let friday = Self.windows(at: "2026-11-20T12:00:00Z")
    let saturday = Self.windows(at: "2026-11-21T00:00:00Z")
    _ = account.count(spend(5), in: friday)
    account.told = PerCount(repeating: 80)
    let effects = account.count(spend(2), in: saturday)
    #expect(
      effects.daily
        == .opened(previous: WindowUsage(start: friday.daily.start, used: .of(5)), told: 80))
    #expect(account.told == PerCount(daily: 0, weekly: 80, monthly: 80))
    #expect(effects.weekly == .counted)
    #expect(effects.monthly == .counted)
    #expect(account.latest.daily == WindowUsage(start: saturday.daily.start, used: .of(2)))
    #expect(account.latest.weekly.used == .of(7))
  }

  @Test func `leaves a late spend's window to whoever keeps the earlier ones`() {
    var account = Account(user: user, role: .user)
    let late = Self.windows(at: "2026-10-31T12:00:00Z")
    _ = account.count(spend(5), in: Self.windows(at: "2026-11-20T12:00:00Z"))
    let latest = account.latest
    #expect(account.count(spend(2), in: late) == PerCount { .late(start: late[$0.period].start) })
    #expect(account.latest == latest)
    #expect(account.lifetime == .of(7))
  }

  @Test func `stops at the largest count`() {
    var account = Account(user: user, role: .user)
    let windows = Self.windows(at: "2026-11-20T12:00:00Z")
    let most = UsageChange(user: user, tokens: .maximum)
    for _ in 0..<2 { _ = account.count(most, in: windows) }
    #expect(account.lifetime == .maximum)
    #expect(account.latest.daily.used == .maximum)
    for _ in 0..<2 { account.reserve(.maximum) }
    #expect(account.reserved == .maximum)
  }

  @Test func `releases what it reserved, and no more than that`() {
    var account = Account(user: user, role: .user)
    account.reserve(.of(5))
    account.reserve(.of(3))
    account.release(.of(5))
    #expect(account.reserved == .of(3))
    account.release(.of(4))
    #expect(account.reserved == .zero)
  }

  /// The effects are all that somebody needs who keeps the windows that are over.
  @Test func `counts every spend in every window, however late it comes`() {
    var numbers = SeededNumbers()
    var account = Account(user: user, role: .user)
    var past: [Window: Int64] = [:]
    var plain: [Window: Int64] = [:]
    for _ in 0..<2000 {
      let moment = Moment.at("2026-03-01T00:00:00Z")
        .advanced(bySeconds: Int64.random(in: 0..<8_000_000, using: &numbers))
      let tokens = Int64.random(in: 0..<1000, using: &numbers)
      let windows = PerPeriod<Window> { QuotaCalendar.utc.window($0, containing: moment) }
      let before = account.latest
      let effects = account.count(spend(tokens), in: windows)
      for period in CountedPeriod.allCases {
        plain[windows[period.period], default: 0] += tokens
        switch effects[period] {
        case .counted: break
        case .opened(let previous, told: _):
          #expect(previous == before[period])
          if previous == .never { break }
          past[QuotaCalendar.utc.window(period.period, containing: previous.start)] =
            previous.used.rawValue
        case .late: past[windows[period.period], default: 0] += tokens
        }
      }
    }
    for period in CountedPeriod.allCases {
      let latest = account.latest[period]
      past[QuotaCalendar.utc.window(period.period, containing: latest.start)] = latest.used.rawValue
    }
    #expect(past == plain, "seed \(numbers.seed)")
  }

  /// The shortcut for a spend in the latest windows is no other way of counting.
  @Test func `counts a spend of its latest windows as any other`() {
    var numbers = SeededNumbers()
    var account = Account(user: user, role: .user)
    var isLate = Set<Bool>()
    for _ in 0..<2000 {
      let moment = Moment.at("2026-03-01T00:00:00Z")
        .advanced(bySeconds: Int64.random(in: 0..<400_000, using: &numbers))
      let windows = PerPeriod<Window> { QuotaCalendar.utc.window($0, containing: moment) }
      let tokens = numbers.next() % 100 == 0 ? Int64.max : Int64(numbers.next() % 1000)
      var short = account
      let effects = account.count(spend(tokens), in: windows)
      let isCounted = short.count(
        .of(tokens), inLatestStarting: PerCount { windows[$0.period].start })
      isLate.insert(!isCounted)
      #expect(isCounted == (effects == PerCount(repeating: .counted)), "seed \(numbers.seed)")
      if isCounted { #expect(short == account, "seed \(numbers.seed)") }
      if account.lifetime == .maximum { account = Account(user: user, role: .user) }
    }
    #expect(isLate == [true, false])
  }

  @Test func `counts what usage should have been instead of what it was`() {
    var account = Account(user: user, role: .user)
    let windows = Self.windows(at: "2026-11-20T12:00:00Z")
    _ = account.count(spend(9), in: windows)
    let correction = UsageChange(
      user: user, tokens: .of(4), old: .of(9), corrected: Position(1))
    #expect(account.count(correction, in: windows) == PerCount(repeating: .counted))
    #expect(
      account.latest == PerCount { WindowUsage(start: windows[$0.period].start, used: .of(4)) })
    #expect(account.lifetime == .of(4))
  }

  private func spend(_ tokens: Int64) -> UsageChange {
    UsageChange(user: user, tokens: .of(tokens))
  }

  private static func windows(at text: String) -> PerPeriod<Window> {
    PerPeriod { QuotaCalendar.utc.window($0, containing: .at(text)) }
  }
}

@Suite struct `A value for each period` {
  @Test func `is read and changed by its period`() {
    var values = PerPeriod(repeating: 0)
    for (index, period) in Period.allCases.enumerated() { values[period] = index + 1 }
    #expect(values == PerPeriod(daily: 1, weekly: 2, monthly: 3, yearly: 4))
    #expect(Period.allCases.map { values[$0] } == [1, 2, 3, 4])
  }
}
