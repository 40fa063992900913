/// One account, folded by itself from the events that concern it: as it was at any position, without a
/// projection.
///
/// What an event does says the model, as for the projection; this keeps what that keeps in tables.
public struct AccountFold: Sendable {
  public private(set) var account: Account
  public private(set) var allowances: Allowances
  /// The holds that are open and were seen; what is left of each.
  public private(set) var holds: [HoldID: Hold]
  /// What every window held that the account has left behind, or was late for, as far as the fold saw it.
  public private(set) var past: PerCount<[Moment: TokenCount]>
  public let calendar: QuotaCalendar
  private var windows = WindowCache()

  /// Goes on from an account as it was at some position.
  ///
  /// - Parameters:
  ///   - holds: The open holds; others have to be named by `see` before they end.
  ///   - past: Windows other than the latest that somebody asks about later. One behind the latest starts
  ///     empty by itself.
  public init(
    _ account: Account, allowances: Allowances = .none, holds: [HoldID: Hold] = [:],
    past: PerCount<[Moment: TokenCount]> = PerCount(repeating: [:]), in calendar: QuotaCalendar
  ) {
    self.account = account
    self.allowances = allowances
    self.holds = holds
    self.past = past
    self.calendar = calendar
  }

  /// What windows hold of which the fold saw every event.
  public func used(
    in windows: PerPeriod<Window>, defaults: Limits, meaning meant: Period? = nil
  ) -> PerPeriod<TokenCount> {
    PerPeriod { (period) in
      guard account.counts(period, defaults: defaults, meaning: meant) else { return .zero }
      return calendar.countedParts(of: windows[period]).total { used(in: $0) }
    }
  }

  private func used(in window: CountedWindow) -> TokenCount {
    let latest = account.latest[window.period]
    return latest.start == window.start ? latest.used : past[window.period][window.start] ?? .zero
  }

  /// Names a hold that is part of what was reserved when the fold began.
  public mutating func see(_ hold: Hold, as id: HoldID) { holds[id] = hold }

  /// Takes the next event of the account into account. It happened, so nothing is refused.
  public mutating func apply(_ fact: Fact, at position: Position, happenedAt: Moment) {
    var step: HoldStep?
    switch fact.effect(at: position) {
    case .allowance(let allowance): allowances.apply(allowance)
    case .hold(let id, let change):
      var state = holds[id].map { HoldState($0, startedAt: happenedAt) }
      step = state.apply(change, at: position, happenedAt: happenedAt)
      holds[id] = if let state, state.isOpen { state.hold } else { nil }
    case .nothing, .registration, .token, .tokenEnd, .system, .ownPolicy, .schedule, .scheduleEnd,
      .crossing, .correction, .sessionStart, .session, .budget:
      break
    }
    account.apply(fact, step)
    if let change = fact.usageChange { count(change, happenedAt) }
  }

  private mutating func count(_ change: UsageChange, _ happenedAt: Moment) {
    let effects = account.count(change, in: windows.windows(containing: happenedAt, in: calendar))
    for period in CountedPeriod.allCases {
      switch effects[period] {
      case .counted: break
      case .opened(let previous, told: _):
        if previous != .never { past[period][previous.start] = previous.used }
      case .late(let start):
        past[period][start] = change.applied(to: past[period][start] ?? .zero)
      }
    }
  }
}

extension AccountFold? {
  /// Takes the next event of an account into account, from that which registers its user on.
  public mutating func apply(
    _ fact: Fact, at position: Position, happenedAt: Moment, in calendar: QuotaCalendar
  ) {
    if case .userRegistered(let user, let role) = fact {
      self = AccountFold(Account(user: user, role: role), in: calendar)
    } else {
      self?.apply(fact, at: position, happenedAt: happenedAt)
    }
  }
}
