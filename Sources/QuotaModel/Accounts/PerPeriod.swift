/// One value for each period.
public struct PerPeriod<Value> {
  public var daily: Value
  public var weekly: Value
  public var monthly: Value
  public var yearly: Value

  public init(repeating value: Value) { self.init { _ in value } }

  @inlinable
  public init<Failure: Error>(_ value: (Period) throws(Failure) -> Value) throws(Failure) {
    daily = try value(.daily)
    weekly = try value(.weekly)
    monthly = try value(.monthly)
    yearly = try value(.yearly)
  }

  @inlinable
  public subscript(period: Period) -> Value {
    get {
      switch period {
      case .daily: daily
      case .weekly: weekly
      case .monthly: monthly
      case .yearly: yearly
      }
    }
    set {
      switch period {
      case .daily: daily = newValue
      case .weekly: weekly = newValue
      case .monthly: monthly = newValue
      case .yearly: yearly = newValue
      }
    }
  }
}

extension PerPeriod: Sendable where Value: Sendable {}
extension PerPeriod: Equatable where Value: Equatable {}
extension PerPeriod: Hashable where Value: Hashable {}
extension PerPeriod: BitwiseCopyable where Value: BitwiseCopyable {}

/// One value for each period that is counted as usage comes.
public struct PerCount<Value> {
  public var daily: Value
  public var weekly: Value
  public var monthly: Value

  public init(repeating value: Value) { self.init { _ in value } }

  @inlinable
  public init<Failure: Error>(_ value: (CountedPeriod) throws(Failure) -> Value) throws(Failure) {
    daily = try value(.daily)
    weekly = try value(.weekly)
    monthly = try value(.monthly)
  }

  @inlinable
  public subscript(period: CountedPeriod) -> Value {
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

extension PerCount: Sendable where Value: Sendable {}
extension PerCount: Equatable where Value: Equatable {}
extension PerCount: Hashable where Value: Hashable {}
extension PerCount: BitwiseCopyable where Value: BitwiseCopyable {}
