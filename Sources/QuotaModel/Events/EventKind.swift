/// The kind of a fact. Raw values are part of the record format: never reuse or change one.
public enum EventKind: UInt8, CaseIterable, Sendable {
  case userRegistered = 1
  case userDeactivated = 2
  case userReactivated = 3
  case roleChanged = 4
  case tokenIssued = 5
  case tokenRevoked = 6
  case defaultsChanged = 7
  case limitsChanged = 8
  case calendarChanged = 9
  case tokensSpent = 10
  case spendHeld = 11
  case holdSettled = 12
  case holdVoided = 13
  case holdExpired = 14
  case spendRefused = 15

  /// The spelling on every border.
  public var name: String {
    switch self {
    case .userRegistered: "user_registered"
    case .userDeactivated: "user_deactivated"
    case .userReactivated: "user_reactivated"
    case .roleChanged: "role_changed"
    case .tokenIssued: "token_issued"
    case .tokenRevoked: "token_revoked"
    case .defaultsChanged: "defaults_changed"
    case .limitsChanged: "limits_changed"
    case .calendarChanged: "calendar_changed"
    case .tokensSpent: "tokens_spent"
    case .spendHeld: "spend_held"
    case .holdSettled: "hold_settled"
    case .holdVoided: "hold_voided"
    case .holdExpired: "hold_expired"
    case .spendRefused: "spend_refused"
    }
  }

  public init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }
}

extension Fact {
  public var kind: EventKind {
    switch self {
    case .userRegistered: .userRegistered
    case .userDeactivated: .userDeactivated
    case .userReactivated: .userReactivated
    case .roleChanged: .roleChanged
    case .tokenIssued: .tokenIssued
    case .tokenRevoked: .tokenRevoked
    case .defaultsChanged: .defaultsChanged
    case .limitsChanged: .limitsChanged
    case .calendarChanged: .calendarChanged
    case .tokensSpent: .tokensSpent
    case .spendHeld: .spendHeld
    case .holdSettled: .holdSettled
    case .holdVoided: .holdVoided
    case .holdExpired: .holdExpired
    case .spendRefused: .spendRefused
    }
  }
}
