/// Tokens that a user spent on one model call or one turn.
public struct Spend: Hashable, Sendable {
  public var user: UserID
  public var usage: TokenUsage
  public var model: ModelName?

  public init(user: UserID, usage: TokenUsage, model: ModelName? = nil) {
    self.user = user
    self.usage = usage
    self.model = model
  }
}

/// The old and the new limit of one period; nil is "none of its own".
public struct LimitChange: Hashable, Sendable {
  public var period: Period
  public var old: TokenLimit?
  public var new: TokenLimit?

  public init(period: Period, old: TokenLimit?, new: TokenLimit?) {
    self.period = period
    self.old = old
    self.new = new
  }
}

/// An access token given to a user.
public struct TokenIssue: Hashable, Sendable {
  public var token: TokenID
  public var user: UserID
  public var digest: TokenDigest
  /// The first moment at which the token is no longer accepted; nil for a token without end.
  public var expiresAt: Moment?

  public init(token: TokenID, user: UserID, digest: TokenDigest, expiresAt: Moment? = nil) {
    self.token = token
    self.user = user
    self.digest = digest
    self.expiresAt = expiresAt
  }
}

/// The calendar that windows follow, by name; the rules come from the system's tz database.
public struct CalendarSetting: Hashable, Sendable {
  public var zone: String
  public var weekStart: Weekday

  public init(zone: String, weekStart: Weekday) {
    self.zone = zone
    self.weekStart = weekStart
  }

  public static let `default` = CalendarSetting(zone: "UTC", weekStart: .monday)
}
