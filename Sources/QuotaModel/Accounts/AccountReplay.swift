/// An account as its events make it, one after another.
///
/// An ``Account`` alone forgets what lies behind its latest windows, and what each hold set aside; here
/// it is kept, so that late usage, corrections and ends of holds are shown as they counted.
public struct AccountReplay: Sendable {
  public private(set) var account: Account
  private var defaults = SystemPolicy()
  private var allowances = Allowances.none
  private var earlier: [EarlierWindow: TokenCount] = [:]
  private var holds: [HoldID: TokenCount] = [:]

  private struct EarlierWindow: Hashable {
    let period: Period
    let start: Moment
  }

  public init(of user: UserID) { account = Account(user: user, role: .user) }

  /// What the windows hold.
  public func used(in windows: PerPeriod<Window>) -> PerPeriod<TokenCount> {
    PerPeriod { period in
      let latest = account.latest[period]
      let start = windows[period].start
      if latest.start == start { return latest.used }
      return earlier[EarlierWindow(period: period, start: start)] ?? .zero
    }
  }

  /// The limits that decide in `windows`.
  public func limits(in windows: PerPeriod<Window>) -> Limits {
    account.policy(defaults: defaults, allowances: allowances, in: windows).limits
  }
}

extension AccountReplay {
  /// Takes the next event into account, which happened in `windows`. It concerns the user or everybody.
  public mutating func apply(_ event: Event, in windows: PerPeriod<Window>) {
    switch event.fact {
    case .userRegistered(_, let role): account.role = role
    case .userDeactivated: account.isActive = false
    case .userReactivated: account.isActive = true
    case .roleChanged(_, old: _, let new): account.role = new
    case .limitsChanged(_, let changes): account.apply(changes)
    case .modesChanged(nil, let changes):
      for change in changes { defaults.modes[change.period] = change.new ?? .hard }
    case .modesChanged(_?, let changes): account.apply(changes)
    case .defaultsChanged(let changes):
      for change in changes { defaults.limits[change.period] = change.new ?? .unlimited }
    case .allowanceGranted(let allowance):
      allowances.apply(allowance)
      account.hasAllowances = true
    case .tokensSpent(let spend): count(spend.usage.total, in: windows)
    case .session(_, .usageRecorded(let usage)):
      if let tokens = usage.tokens { count(tokens.total, in: windows) }
    case .usageCorrected(let correction): correct(correction, in: windows)
    case .spendHeld(let hold): setAside(hold.tokens, as: HoldID(event.position))
    case .holdDrawn(let id, let settlement):
      draw(settlement.spend.usage.total, from: id)
      count(settlement, in: windows)
    case .holdSettled(let id, let settlement):
      end(id)
      count(settlement, in: windows)
    case .holdVoided(let id, user: _), .holdExpired(let id, user: _): end(id)
    case .tokenIssued, .tokenRevoked, .calendarChanged, .spendRefused, .spendShadowed,
      .sessionStarted, .session, .budgetChanged, .holdExtended, .limitsScheduled, .scheduleEnded,
      .thresholdCrossed:
      break
    }
  }

  private mutating func count(_ settlement: Settlement, in windows: PerPeriod<Window>) {
    if !settlement.isCountedInSession { count(settlement.spend.usage.total, in: windows) }
  }

  private mutating func count(_ tokens: TokenCount, in windows: PerPeriod<Window>) {
    let effects = account.count(tokens, in: windows)
    for period in Period.allCases {
      switch effects[period] {
      case .counted: break
      case .opened(let previous):
        earlier[EarlierWindow(period: period, start: previous.start)] = previous.used
      case .late(let start):
        let window = EarlierWindow(period: period, start: start)
        earlier[window] = (earlier[window] ?? .zero).addingClamped(tokens)
      }
    }
  }

  private mutating func correct(_ correction: Correction, in windows: PerPeriod<Window>) {
    let effects = account.correct(correction, in: windows)
    for period in Period.allCases {
      guard case .late(let start) = effects[period] else { continue }
      let window = EarlierWindow(period: period, start: start)
      earlier[window] = correction.applied(to: earlier[window] ?? .zero)
    }
  }

  private mutating func setAside(_ tokens: TokenCount, as id: HoldID) {
    holds[id] = tokens
    account.reserve(tokens)
  }

  private mutating func draw(_ tokens: TokenCount, from id: HoldID) {
    guard let held = holds[id] else { return }
    let rest = held.subtractingClamped(tokens)
    account.release(held)
    account.reserve(rest)
    holds[id] = rest
  }

  private mutating func end(_ id: HoldID) {
    if let held = holds.removeValue(forKey: id) { account.release(held) }
  }
}
