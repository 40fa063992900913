/// What periods are called wherever people or programs name them.
extension Period {
  /// `daily`, `weekly`, `monthly`, `yearly`.
  public var name: String {
    switch self {
    case .daily: "daily"
    case .weekly: "weekly"
    case .monthly: "monthly"
    case .yearly: "yearly"
    }
  }

  /// The member with a period's limit.
  public var limitName: StaticString {
    switch self {
    case .daily: "daily_limit"
    case .weekly: "weekly_limit"
    case .monthly: "monthly_limit"
    case .yearly: "yearly_limit"
    }
  }

  /// The member with a period's mode.
  public var modeName: StaticString {
    switch self {
    case .daily: "daily_mode"
    case .weekly: "weekly_mode"
    case .monthly: "monthly_mode"
    case .yearly: "yearly_mode"
    }
  }

  /// `day`, `week`, `month`, `year`.
  public var noun: String {
    switch self {
    case .daily: "day"
    case .weekly: "week"
    case .monthly: "month"
    case .yearly: "year"
    }
  }

  /// All names in a sentence: `daily, weekly, monthly or yearly`.
  public static var allNames: String {
    let names = allCases.map(\.name)
    return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }
}
