/// Real spends under other limits: what would have been refused.
///
/// A refused spend is taken for one that never happened, so that it does not use up anything. What a
/// call really used stands for what it would have been estimated at.
public struct WhatIf: Sendable {
  private let policy: Policy
  private let calendar: QuotaCalendar
  /// Spends before this moment happened whatever the limits say.
  private let since: Moment
  private var windows = WindowCache()
  private var used: [Place: TokenCount] = [:]
  /// Refused spends, and what was counted of the others, for corrections.
  private var refused: Set<Position> = []
  public private(set) var users: [UserID: WhatIfUser] = [:]

  public init(policy: Policy, calendar: QuotaCalendar, since: Moment) {
    self.policy = policy
    self.calendar = calendar
    self.since = since
  }

  private struct Place: Hashable {
    let user: UserID
    let period: Period
    let start: Moment
  }

  /// Takes the next usage, or the next correction of earlier usage, into account.
  public mutating func apply(_ change: UsageChange, at moment: Moment, position: Position) {
    guard let tokens = change.tokens, !isRefused(change.corrected) else { return }
    let places = places(of: change.user, at: moment)
    if change.corrected == nil, moment >= since {
      let violation = violation(tokens, in: places)
      users[change.user, default: WhatIfUser()].note(tokens, at: moment, position, violation)
      if violation != nil {
        refused.insert(position)
        return
      }
    }
    for period in Period.allCases {
      used[places[period]] = change.applied(to: used[places[period]] ?? .zero)
    }
  }

  /// Whether an event is one that would never have happened.
  private func isRefused(_ position: Position?) -> Bool { position.map(refused.contains) ?? false }

  private mutating func places(of user: UserID, at moment: Moment) -> PerPeriod<Place> {
    let windows = windows.windows(containing: moment, in: calendar)
    return PerPeriod { Place(user: user, period: $0, start: windows[$0].start) }
  }

  private func violation(_ tokens: TokenCount, in places: PerPeriod<Place>) -> Violation? {
    let used = PerPeriod<TokenCount> { self.used[places[$0]] ?? .zero }
    let account = Account(user: places.daily.user, role: .user)
    guard case .refused(let violations) = account.decide(on: tokens, used: used, policy: policy)
    else { return nil }
    return violations.first
  }
}

/// What would have become of one user's spends.
public struct WhatIfUser: Hashable, Sendable {
  public private(set) var calls: UInt64 = 0
  public private(set) var tokens = TokenCount.zero
  public private(set) var refusedCalls: UInt64 = 0
  public private(set) var refusedTokens = TokenCount.zero
  /// The first spend that would have been refused, and by what.
  public private(set) var first: FirstRefusal?

  public struct FirstRefusal: Hashable, Sendable {
    public let position: Position
    public let moment: Moment
    public let violation: Violation
  }

  fileprivate mutating func note(
    _ tokens: TokenCount, at moment: Moment, _ position: Position, _ violation: Violation?
  ) {
    calls += 1
    self.tokens = self.tokens.addingClamped(tokens)
    guard let violation else { return }
    refusedCalls += 1
    refusedTokens = refusedTokens.addingClamped(tokens)
    first = first ?? FirstRefusal(position: position, moment: moment, violation: violation)
  }
}
