public import QuotaModel

/// One value each, and the usual one for the year where a test does not mean it.
extension PerPeriod {
  public init(daily: Value, weekly: Value, monthly: Value, yearly: Value) {
    self.init {
      switch $0 {
      case .daily: daily
      case .weekly: weekly
      case .monthly: monthly
      case .yearly: yearly
      }
    }
  }
}

extension PerPeriod where Value == TokenLimit {
  public init(daily: Value, weekly: Value, monthly: Value) {
    self.init(daily: daily, weekly: weekly, monthly: monthly, yearly: .unlimited)
  }
}

extension PerPeriod where Value == TokenLimit? {
  public init(daily: Value, weekly: Value, monthly: Value) {
    self.init(daily: daily, weekly: weekly, monthly: monthly, yearly: nil)
  }
}

extension PerPeriod where Value == LimitUpdate {
  public init(daily: Value, weekly: Value, monthly: Value) {
    self.init(daily: daily, weekly: weekly, monthly: monthly, yearly: .keep)
  }
}

extension PerPeriod where Value == LimitMode {
  public init(daily: Value, weekly: Value, monthly: Value) {
    self.init(daily: daily, weekly: weekly, monthly: monthly, yearly: .hard)
  }
}

extension PerPeriod where Value == LimitMode? {
  public init(daily: Value, weekly: Value, monthly: Value) {
    self.init(daily: daily, weekly: weekly, monthly: monthly, yearly: nil)
  }
}

extension PerPeriod where Value == TokenCount {
  public init(daily: Value, weekly: Value, monthly: Value) {
    self.init(daily: daily, weekly: weekly, monthly: monthly, yearly: .zero)
  }
}

extension PerCount {
  public init(daily: Value, weekly: Value, monthly: Value) {
    self.init {
      switch $0 {
      case .daily: daily
      case .weekly: weekly
      case .monthly: monthly
      }
    }
  }
}
