/// Tokens on top of a limit, for the rest of one window.
public struct Allowance: Hashable, Sendable {
  public var user: UserID
  public var period: Period
  /// The start of the window that it is for.
  public var windowStart: Moment
  public var tokens: TokenCount

  public init(user: UserID, period: Period, windowStart: Moment, tokens: TokenCount) {
    self.user = user
    self.period = period
    self.windowStart = windowStart
    self.tokens = tokens
  }
}

/// The latest allowances of an account: for each period the window and the sum of what was allowed.
public struct Allowances: Hashable, Sendable {
  public var latest: PerPeriod<WindowUsage>

  public static let none = Allowances(latest: PerPeriod(repeating: .never))

  public init(latest: PerPeriod<WindowUsage>) { self.latest = latest }

  /// What is allowed on top in the window that starts at `start`.
  public func tokens(_ period: Period, inWindowStarting start: Moment) -> TokenCount {
    latest[period].start == start ? latest[period].used : .zero
  }

  /// Takes one more into account. Those of another window are over.
  public mutating func apply(_ allowance: Allowance) {
    let before = tokens(allowance.period, inWindowStarting: allowance.windowStart)
    latest[allowance.period] = WindowUsage(
      start: allowance.windowStart, used: before.addingClamped(allowance.tokens))
  }
}

extension Allowance: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ allowance: Allowance?, to coder: inout Coder
  ) throws(Coder.Failure) -> Allowance {
    Allowance(
      user: try coder.member("user", allowance?.user),
      period: try coder.member("period", allowance?.period),
      windowStart: try coder.member("window_start", allowance?.windowStart),
      tokens: try coder.member("tokens", allowance?.tokens))
  }
}
