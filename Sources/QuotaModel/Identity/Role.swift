/// What a user may do. Raw values are part of the record format.
public enum Role: UInt8, CaseIterable, Sendable {
  /// Reads the own usage.
  case user = 0
  /// Reads anyone's usage and sets quotas.
  case support = 1
  /// May do everything.
  case staff = 2
  /// Appends usage, asks for admission, holds.
  case service = 3
  /// Reads everything.
  case auditor = 4

  public var name: String {
    switch self {
    case .user: "user"
    case .support: "support"
    case .staff: "staff"
    case .service: "service"
    case .auditor: "auditor"
    }
  }
}

extension Role {
  public var maySetQuotas: Bool { self == .support || self == .staff }
  public var mayReadAnyUsage: Bool { self != .user }
  public var mayRecordUsage: Bool { self == .service || self == .staff }
  public var mayReadEvents: Bool { self == .auditor || self == .staff }
  /// Begins and changes sessions: for oneself with the role `user`, else for anybody.
  public var mayChangeSessions: Bool { self == .user || mayRecordUsage }
  public var mayManageUsers: Bool { self == .staff }

  /// Whether it has every right that another one has.
  public func mayAll(that other: Role) -> Bool {
    let rights: [(Role) -> Bool] = [
      \.maySetQuotas, \.mayReadAnyUsage, \.mayRecordUsage, \.mayReadEvents, \.mayChangeSessions,
      \.mayManageUsers,
    ]
    return rights.allSatisfy { $0(self) || !$0(other) }
  }
}

/// Who caused an event.
public enum Actor: Hashable, Sendable {
  /// The service itself, for what time brings about.
  case service
  /// Somebody with access to the data directory.
  case `operator`
  /// The user whose token was presented.
  case user(UserID)
}
