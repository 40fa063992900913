package import QuotaModel

/// What periods are called wherever people or programs name them.
extension Period {
  /// `daily`, `weekly`, `monthly`.
  package var name: StaticString {
    switch self {
    case .daily: "daily"
    case .weekly: "weekly"
    case .monthly: "monthly"
    }
  }

  package init?(name: String) {
    let period = Period.allCases.first { $0.name.description == name }
    guard let period else { return nil }
    self = period
  }

  /// The member with a period's limit.
  package var limitName: StaticString {
    switch self {
    case .daily: "daily_limit"
    case .weekly: "weekly_limit"
    case .monthly: "monthly_limit"
    }
  }

  /// The member with a period's mode.
  package var modeName: StaticString {
    switch self {
    case .daily: "daily_mode"
    case .weekly: "weekly_mode"
    case .monthly: "monthly_mode"
    }
  }
}
