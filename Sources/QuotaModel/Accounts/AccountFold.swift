/// One account, folded by itself from the events that concern it: as it was at any position, without a
/// projection.
///
/// It comes to the same as the projection does, event by event; tests hold both against each other.
public struct AccountFold: Sendable {
  public private(set) var account: Account
  public private(set) var allowances: Allowances
  /// The holds that are open and were seen; what is left of each.
  public private(set) var holds: [HoldID: Hold] = [:]
  /// What the windows hold that somebody asks about, of which there may be later ones.
  public private(set) var watched: PerPeriod<WindowUsage>
  /// What every window held that the account has left behind, for whoever compares all of them.
  public private(set) var past = PerPeriod<[Moment: TokenCount]>(repeating: [:])
  private let calendar: QuotaCalendar
  private var windows = WindowCache()

  /// Begins with the registration of a user.
  public init(
    registering user: UserID, role: Role, watching windows: PerPeriod<Window>,
    in calendar: QuotaCalendar
  ) {
    self.init(
      account: Account(user: user, role: role), allowances: .none, watching: windows, in: calendar)
  }

  /// The same, where nobody asks about windows before the end.
  public init(registering user: UserID, role: Role, in calendar: QuotaCalendar) {
    self.init(
      registering: user, role: role,
      watching: PerPeriod { calendar.window($0, containing: .earliest) }, in: calendar)
  }

  /// What windows hold, in a fold from the first event on.
  public func used(in windows: PerPeriod<Window>) -> PerPeriod<TokenCount> {
    PerPeriod { (period) in
      let (start, latest) = (windows[period].start, account.latest[period])
      return latest.start == start ? latest.used : past[period][start] ?? .zero
    }
  }

  /// Goes on from an account as it was at some position, with no latest window behind the watched ones.
  public init(
    account: Account, allowances: Allowances, watching windows: PerPeriod<Window>,
    in calendar: QuotaCalendar
  ) {
    self.account = account
    self.allowances = allowances
    self.calendar = calendar
    watched = PerPeriod { (period) in
      let (start, latest) = (windows[period].start, account.latest[period])
      return WindowUsage(start: start, used: latest.start == start ? latest.used : .zero)
    }
  }

  /// Goes on from an account of which the watched windows and the open holds are known, wherever its
  /// latest windows lie.
  public init(
    account: Account, allowances: Allowances, watched: PerPeriod<WindowUsage>,
    holds: [HoldID: Hold], in calendar: QuotaCalendar
  ) {
    self.account = account
    self.allowances = allowances
    self.watched = watched
    self.holds = holds
    self.calendar = calendar
  }

  /// A hold that the fact is about and that has not been seen, because it was made before the fold began.
  public func unseenHold(of fact: Fact) -> HoldID? {
    switch fact {
    case .holdSettled(let hold, let settlement), .holdDrawn(let hold, let settlement):
      holds[hold] == nil && !settlement.isLate ? hold : nil
    case .holdVoided(let hold, user: _), .holdExpired(let hold, user: _),
      .holdExtended(let hold, user: _, expiresAt: _):
      holds[hold] == nil ? hold : nil
    default: nil
    }
  }

  /// Names a hold that is part of what was reserved when the fold began.
  public mutating func see(_ hold: Hold, as id: HoldID) { holds[id] = hold }

  /// Takes the next event of the account into account. It happened, so nothing is refused.
  public mutating func apply(_ fact: Fact, at position: Position, happenedAt: Moment) {
    switch fact {
    case .userDeactivated: account.isActive = false
    case .userReactivated: account.isActive = !account.isErased
    case .userErased: account.erase()
    case .roleChanged(_, old: _, let new): account.role = new
    case .limitsChanged(_, let changes): account.apply(changes)
    case .modesChanged(_?, let changes): account.apply(changes)
    case .allowanceGranted(let allowance):
      allowances.apply(allowance)
      account.hasAllowances = true
    case .thresholdCrossed(let crossing): account.apply(crossing)
    case .tokensSpent(let spend): count(spend.usage.total, happenedAt)
    case .spendHeld(let hold):
      holds[HoldID(position)] = hold
      account.reserve(hold.tokens)
    case .holdDrawn(let id, let settlement):
      draw(settlement, of: id)
      if !settlement.isCountedInSession { count(settlement.spend.usage.total, happenedAt) }
    case .holdSettled(let id, let settlement):
      end(id)
      if !settlement.isCountedInSession { count(settlement.spend.usage.total, happenedAt) }
    case .holdVoided(let id, user: _), .holdExpired(let id, user: _): end(id)
    case .holdExtended(let id, user: _, let expiresAt): holds[id]?.expiresAt = expiresAt
    case .usageCorrected(let correction): correct(correction, happenedAt)
    case .session(_, .usageRecorded(let usage)): count(usage.tokens?.total ?? .zero, happenedAt)
    case .userRegistered, .tokenIssued, .tokenRevoked, .defaultsChanged, .modesChanged(nil, _),
      .calendarChanged, .spendRefused, .spendShadowed, .sessionStarted, .session, .budgetChanged,
      .limitsScheduled, .scheduleEnded:
      break
    }
  }

  private mutating func draw(_ settlement: Settlement, of id: HoldID) {
    guard var hold = holds[id] else { return }
    account.release(hold.tokens)
    hold.draw(settlement)
    account.reserve(hold.tokens)
    holds[id] = hold
  }

  private mutating func end(_ id: HoldID) {
    if let hold = holds.removeValue(forKey: id) { account.release(hold.tokens) }
  }

  private mutating func count(_ tokens: TokenCount, _ happenedAt: Moment) {
    let found = windows(containing: happenedAt)
    let effects = account.count(tokens, in: found)
    for period in Period.allCases {
      switch effects[period] {
      case .counted: break
      case .opened(let previous):
        if previous != .never { past[period][previous.start] = previous.used }
      case .late(let start):
        past[period][start] = (past[period][start] ?? .zero).adding(tokens) ?? .maximum
      }
      if watched[period].start == found[period].start {
        watched[period].used = watched[period].used.adding(tokens) ?? .maximum
      }
    }
  }

  private mutating func correct(_ correction: Correction, _ happenedAt: Moment) {
    let found = windows(containing: happenedAt)
    let effects = account.correct(correction, in: found)
    for period in Period.allCases {
      if case .late(let start) = effects[period] {
        past[period][start] = correction.applied(to: past[period][start] ?? .zero)
      }
      if watched[period].start == found[period].start {
        watched[period].used = correction.applied(to: watched[period].used)
      }
    }
  }

  private mutating func windows(containing moment: Moment) -> PerPeriod<Window> {
    let found = windows.windows(containing: moment, in: calendar)
    return PerPeriod(daily: found.daily, weekly: found.weekly, monthly: found.monthly)
  }
}
