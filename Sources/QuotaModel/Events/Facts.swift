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

extension Spend: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ spend: Spend?, to coder: inout Coder
  ) throws(Coder.Failure) -> Spend {
    Spend(
      user: try coder.member("user", spend?.user), usage: try .describe(spend?.usage, to: &coder),
      model: try coder.optional("model", spend.map(\.model)))
  }
}

extension LimitChange: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ change: LimitChange?, to coder: inout Coder
  ) throws(Coder.Failure) -> LimitChange {
    LimitChange(
      period: try coder.member("period", change?.period),
      old: try coder.nullable("old", change.map(\.old)),
      new: try coder.nullable("new", change.map(\.new)))
  }
}

extension TokenIssue: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ issue: TokenIssue?, to coder: inout Coder
  ) throws(Coder.Failure) -> TokenIssue {
    let user = try coder.member("user", issue?.user)
    return TokenIssue(
      token: try coder.member("token_id", issue?.token), user: user,
      digest: try coder.member("sha256", issue?.digest),
      expiresAt: try coder.optional("expires_at", issue.map(\.expiresAt)))
  }
}

extension CalendarSetting: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ setting: CalendarSetting?, to coder: inout Coder
  ) throws(Coder.Failure) -> CalendarSetting {
    let zone = try coder.member("time_zone", setting.map { ZoneName(known: $0.zone) })
    return CalendarSetting(
      zone: zone.description, weekStart: try coder.member("week_start", setting?.weekStart))
  }
}

/// What a time zone is called: 1 to 64 bytes of UTF-8.
@usableFromInline
struct ZoneName: DescribedText {
  @usableFromInline let description: String

  @usableFromInline
  init(known zone: String) { description = zone }

  @usableFromInline
  init(_ text: String) throws(TextRule) {
    guard (1...64).contains(text.utf8.count) else {
      throw TextRule(description: "must have 1 to 64 bytes")
    }
    description = text
  }
}
