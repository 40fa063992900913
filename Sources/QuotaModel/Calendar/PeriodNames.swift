/// What periods are called wherever people or programs name them.
extension Period {
  /// `daily`, `weekly`, `monthly`.
  public var name: String {
    switch self {
    case .daily: "daily"
    case .weekly: "weekly"
    case .monthly: "monthly"
    }
  }

  /// The member with a period's limit.
  public var limitName: StaticString {
    switch self {
    case .daily: "daily_limit"
    case .weekly: "weekly_limit"
    case .monthly: "monthly_limit"
    }
  }

  /// The member with a period's mode.
  public var modeName: StaticString {
    switch self {
    case .daily: "daily_mode"
    case .weekly: "weekly_mode"
    case .monthly: "monthly_mode"
    }
  }
}
