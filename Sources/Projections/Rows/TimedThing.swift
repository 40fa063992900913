public import QuotaModel

/// Something that ends by itself a while after it was made: it has a time to live.
///
/// Its deadline is worked out by the clock of the moment at which it was made. A clock that was ahead then
/// has set it too late, and the start tells which things those are.
public enum TimedThing: Hashable, Sendable {
  case hold(HoldID)
  /// A call in a session, by the event that let it in.
  case call(admittedAt: Position)
  case token(TokenID)

  /// Raw values are part of the projection's format.
  enum Kind: UInt8 {
    case hold = 0
    case call = 1
    case token = 2
  }

  var kind: Kind {
    switch self {
    case .hold: .hold
    case .call: .call
    case .token: .token
    }
  }

  var number: UInt64 {
    switch self {
    case .hold(let hold): hold.position.rawValue
    case .call(let position): position.rawValue
    case .token(let token): token.rawValue
    }
  }

  init?(kind: UInt8, number: UInt64) {
    switch Kind(rawValue: kind) {
    case .hold: self = .hold(HoldID(Position(number)))
    case .call: self = .call(admittedAt: Position(number))
    case .token: self = .token(TokenID(number))
    case nil: return nil
    }
  }
}
