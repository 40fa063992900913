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

/// Names a hold: the position of the event that made it.
public struct HoldID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let position: Position

  public init(_ position: Position) { self.position = position }

  /// Reads a decimal position, or answers nil.
  public init?(text: String) {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(text),
      number > 0
    else { return nil }
    position = Position(number)
  }

  public var description: String { position.description }
  public static func < (left: HoldID, right: HoldID) -> Bool { left.position < right.position }
}

/// Tokens set aside for a call that has not happened yet.
public struct Hold: Hashable, Sendable {
  public var user: UserID
  public var tokens: TokenCount
  /// The first moment at which the hold no longer counts.
  public var expiresAt: Moment

  public init(user: UserID, tokens: TokenCount, expiresAt: Moment) {
    self.user = user
    self.tokens = tokens
    self.expiresAt = expiresAt
  }
}

/// A spend that was not admitted, and everything that decided so.
public struct Refusal: Hashable, Sendable {
  public var user: UserID
  /// What was asked for; nil where only "may anything more be spent?" was asked.
  public var estimate: TokenCount?
  public var violations: [Violation]

  public init(user: UserID, estimate: TokenCount?, violations: [Violation]) {
    self.user = user
    self.estimate = estimate
    self.violations = violations
  }
}

/// A limit that does not leave room, with the figures of that moment.
public struct Violation: Hashable, Sendable {
  public var period: Period
  public var limit: TokenLimit
  public var used: TokenCount
  public var reserved: TokenCount

  public init(period: Period, limit: TokenLimit, used: TokenCount, reserved: TokenCount) {
    self.period = period
    self.limit = limit
    self.used = used
    self.reserved = reserved
  }
}
