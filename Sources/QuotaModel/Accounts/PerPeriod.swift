/// One value for the day, one for the week, one for the month.
public struct PerPeriod<Value> {
  public var daily: Value
  public var weekly: Value
  public var monthly: Value

  public init(daily: Value, weekly: Value, monthly: Value) {
    self.daily = daily
    self.weekly = weekly
    self.monthly = monthly
  }

  public init(repeating value: Value) {
    self.init(daily: value, weekly: value, monthly: value)
  }

  @inlinable
  public init<Failure: Error>(_ value: (Period) throws(Failure) -> Value) throws(Failure) {
    self.init(
      daily: try value(.daily), weekly: try value(.weekly), monthly: try value(.monthly))
  }

  @inlinable
  public subscript(period: Period) -> Value {
    get {
      switch period {
      case .daily: daily
      case .weekly: weekly
      case .monthly: monthly
      }
    }
    set {
      switch period {
      case .daily: daily = newValue
      case .weekly: weekly = newValue
      case .monthly: monthly = newValue
      }
    }
  }
}

extension PerPeriod: Sendable where Value: Sendable {}
extension PerPeriod: Equatable where Value: Equatable {}
extension PerPeriod: Hashable where Value: Hashable {}
extension PerPeriod: BitwiseCopyable where Value: BitwiseCopyable {}
