/// How many tokens a window allows: a number, or no bound at all.
///
/// On every border the bound is an integer from -1 (unlimited) to 2^53-1, the largest integer that
/// JavaScript holds exactly (contract chat-quota, D3).
public struct TokenLimit: Hashable, Sendable {
  /// -1 for unlimited, else the number of tokens.
  public let rawValue: Int64

  public static let unlimited = TokenLimit(unchecked: -1)
  public static let highest = TokenLimit(unchecked: range.upperBound)
  public static let range: ClosedRange<Int64> = -1...9_007_199_254_740_991

  /// nil outside `range`.
  public init?(_ rawValue: Int64) {
    guard Self.range.contains(rawValue) else { return nil }
    self.rawValue = rawValue
  }

  private init(unchecked rawValue: Int64) { self.rawValue = rawValue }

  public var isUnlimited: Bool { rawValue == -1 }

  /// What is left after `used`, never negative; nil where there is no bound.
  public func remaining(after used: TokenCount) -> TokenCount? {
    guard let allowed = TokenCount(rawValue) else { return nil }
    return allowed.subtractingClamped(used)
  }
}

extension TokenLimit: CustomStringConvertible {
  public var description: String { isUnlimited ? "unlimited" : String(rawValue) }
}

/// The limits of one account or of the whole system.
public typealias Limits = PerPeriod<TokenLimit>

/// The limits that an account has of its own; nil falls back to the system's default.
public typealias OwnLimits = PerPeriod<TokenLimit?>

extension PerPeriod where Value == TokenLimit {
  /// What a system starts with.
  public static let unlimited = Limits(repeating: .unlimited)
}

extension PerPeriod where Value == TokenLimit? {
  public static let none = OwnLimits(repeating: nil)

  /// The limits in force: the own one where there is one, else the default.
  public func effective(defaults: Limits) -> Limits {
    Limits { self[$0] ?? defaults[$0] }
  }
}
