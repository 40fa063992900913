/// What becomes of something that an account may have of its own.
public enum OptionalUpdate<Value: Hashable & Sendable>: Hashable, Sendable {
  case keep
  case set(Value)
  /// Back to the system's default.
  case unset

  public func applied(to value: Value?) -> Value? {
    switch self {
    case .keep: value
    case .set(let new): new
    case .unset: nil
    }
  }
}

public typealias LimitUpdate = OptionalUpdate<TokenLimit>
public typealias LimitUpdates = PerPeriod<LimitUpdate>
public typealias ModeUpdates = PerPeriod<OptionalUpdate<LimitMode>>
