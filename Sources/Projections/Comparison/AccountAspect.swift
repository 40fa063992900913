internal import LMDB
public import QuotaModel

/// One thing that a projection says of an account, for comparing what two of them say.
public enum AccountAspect: Hashable, Sendable {
  /// The account itself: nobody registered the user where it is missing.
  case existence
  case number
  case role
  case activity
  case limit(Period)
  case mode(Period)
  /// The latest window that a spend has reached: its start and what was used in it.
  case latest(CountedPeriod)
  /// The highest threshold that was told in the latest window.
  case told(CountedPeriod)
  case reserved
  case lifetime
  /// What was used in an earlier window.
  case window(CountedPeriod, start: Moment)
  /// What was allowed on top of a limit, in the latest window that something was allowed in.
  case allowance(Period)

  /// Everything that an account's own row says but for its history.
  static let ofRow: [AccountAspect] =
    [.existence, .number, .role, .activity]
    + Period.allCases.flatMap { [.limit($0), .mode($0)] }
    + CountedPeriod.allCases.flatMap { [.latest($0), .told($0)] }
    + [.reserved, .lifetime]

  /// The value in words. Equal values have equal words and the other way round.
  func words(_ entry: AccountEntry?, _ calendar: QuotaCalendar) -> String {
    guard let entry else { return "missing" }
    let account = entry.account
    switch self {
    case .existence: return "there"
    case .number: return String(entry.number.rawValue)
    case .role: return account.role.name
    case .activity: return account.isActive ? "active" : "deactivated"
    case .limit(let period): return account.ownLimits[period]?.description ?? "the default"
    case .mode(let period): return account.ownModes[period]?.name ?? "the default"
    case .latest(let period): return Self.words(account.latest[period], calendar)
    case .told(let period): return "\(account.told[period]) %"
    case .reserved: return account.reserved.description
    case .lifetime: return account.lifetime.description
    case .window, .allowance: preconditionFailure("an account's row does not say it")
    }
  }

  static func words(_ usage: WindowUsage, _ calendar: QuotaCalendar) -> String {
    usage == .never ? "nothing" : "\(usage.used) since \(calendar.text(of: usage.start))"
  }

  /// The field as it is shown where both values are known.
  func field(_ left: String, _ right: String, _ calendar: QuotaCalendar)
    -> ProjectionDifference.Field
  {
    if case .latest(let period) = self, let field = Self.sameWindow(period, left, right) {
      return field
    }
    return ProjectionDifference.Field(name(calendar), left, right)
  }

  /// Both values of one window, which need not be told twice when it began.
  private static func sameWindow(
    _ period: CountedPeriod, _ left: String, _ right: String
  ) -> ProjectionDifference.Field? {
    // Split at single characters: for a longer separator the library brings a parser of expressions.
    let (mine, theirs) = (left.split(separator: " "), right.split(separator: " "))
    guard mine.count == 3, theirs.count == 3, mine[2] == theirs[2] else { return nil }
    return ProjectionDifference.Field(
      "used in the \(period.period.noun) that began \(mine[2])", String(mine[0]), String(theirs[0]))
  }

  private func name(_ calendar: QuotaCalendar) -> String {
    switch self {
    case .existence: "the account"
    case .number: "its number"
    case .role: "role"
    case .activity: "state"
    case .limit(let period): "own limit of the \(period.noun)"
    case .mode(let period): "own mode of the \(period.noun)'s limit"
    case .latest(let period): "used in the latest \(period.period.noun)"
    case .told(let period): "threshold told in the \(period.period.noun)"
    case .reserved: "held"
    case .lifetime: "spent in all"
    case .window(let period, let start):
      "used in the \(period.period.noun) that began \(calendar.text(of: start))"
    case .allowance(let period): "allowed on top of the \(period.noun)'s limit"
    }
  }
}

extension Snapshot {
  /// What this projection says of a user's account.
  public func words(
    _ aspect: AccountAspect, of user: UserID, _ calendar: QuotaCalendar
  ) throws(ProjectionFailure) -> String {
    let entry = try account(user)
    guard let entry else { return aspect.words(nil, calendar) }
    switch aspect {
    case .window(let period, let start):
      return try stored(period, start: start, of: entry).description
    case .allowance(let period):
      return AccountAspect.words(try allowances(of: entry.account).latest[period], calendar)
    case .existence, .number, .role, .activity, .limit, .mode, .latest, .told, .reserved, .lifetime:
      return aspect.words(entry, calendar)
    }
  }

  private func stored(
    _ period: CountedPeriod, start: Moment, of entry: AccountEntry
  ) throws(ProjectionFailure) -> TokenCount {
    let latest = entry.account.latest[period]
    if latest.start == start { return latest.used }
    let key = Key.window(entry.number, CountedWindow(period: period, start: start))
    guard let row = try get(key.rawBytes, in: tables.windows) else { return .zero }
    return try WordRow.tokens(from: row)
  }
}

extension FoldBatch {
  /// What the fold says of a user's account, this batch included.
  public mutating func words(
    _ aspect: AccountAspect, of user: UserID
  ) throws(ProjectionFailure) -> String {
    let entry = try account(user)
    guard let entry else { return aspect.words(nil, calendar) }
    switch aspect {
    case .window(let period, let start):
      let latest = entry.account.latest[period]
      if latest.start == start { return latest.used.description }
      return try pastUsage(
        of: entry.number, CountedWindow(period: period, start: start)
      ).description
    case .allowance(let period):
      let allowances = entry.account.hasAllowances ? try allowances(of: user) : .none
      return AccountAspect.words(allowances.latest[period], calendar)
    case .existence, .number, .role, .activity, .limit, .mode, .latest, .told, .reserved, .lifetime:
      return aspect.words(entry, calendar)
    }
  }
}
