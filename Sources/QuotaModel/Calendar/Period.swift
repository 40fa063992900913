/// How long a window lasts: one calendar day, week, month or year.
///
/// The raw values are part of the record format and never change.
public enum Period: UInt8, CaseIterable, Sendable {
  case daily = 0
  case weekly = 1
  case monthly = 2
  case yearly = 3

  /// What is counted as usage comes; nil for a year, which is the sum of its months.
  public var counted: CountedPeriod? {
    switch self {
    case .daily: .daily
    case .weekly: .weekly
    case .monthly: .monthly
    case .yearly: nil
    }
  }
}

/// A period whose windows are counted as usage comes. Raw values are part of the projection's format.
public enum CountedPeriod: UInt8, CaseIterable, Sendable {
  case daily = 0
  case weekly = 1
  case monthly = 2

  public var period: Period {
    switch self {
    case .daily: .daily
    case .weekly: .weekly
    case .monthly: .monthly
    }
  }
}
