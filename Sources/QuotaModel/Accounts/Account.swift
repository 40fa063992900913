/// What the log says about one user: role, limits, the latest windows, what is reserved.
public struct Account: Hashable, Sendable {
  public let user: UserID
  public var role: Role
  public var isActive: Bool
  /// Whether nobody knows any more who it was: never to be active again.
  public private(set) var isErased = false
  /// Own limits as numbers, of which there is one that is no limit: an account takes less room so.
  private var limitNumbers: PerPeriod<Int64>
  public var ownModes: OwnModes
  /// Whether anything was ever allowed on top of the limits; what, is kept apart.
  public var hasAllowances = false
  /// The latest window of each period that a spend has reached; earlier ones are kept apart.
  public var latest: PerCount<WindowUsage>
  /// The highest threshold that was told in each of the latest windows, in percent; 0: none.
  public var told: PerCount<UInt8>
  /// The sum of the open holds. A hold counts against whichever window is current.
  public var reserved: TokenCount
  /// Everything ever spent; bounds every window, so that no window can overflow.
  public var lifetime: TokenCount

  public init(
    user: UserID, role: Role, isActive: Bool = true, ownLimits: OwnLimits = .none,
    ownModes: OwnModes = .none, latest: PerCount<WindowUsage> = PerCount(repeating: .never),
    reserved: TokenCount = .zero,
    lifetime: TokenCount = .zero
  ) {
    self.user = user
    self.role = role
    self.isActive = isActive
    limitNumbers = PerPeriod { ownLimits[$0]?.rawValue ?? Self.noLimit }
    self.ownModes = ownModes
    self.latest = latest
    told = PerCount(repeating: 0)
    self.reserved = reserved
    self.lifetime = lifetime
  }

  private static let noLimit = Int64.min

  /// The limits that the account has of its own.
  public var ownLimits: OwnLimits {
    get { OwnLimits { TokenLimit(limitNumbers[$0]) } }
    set { limitNumbers = PerPeriod { newValue[$0]?.rawValue ?? Self.noLimit } }
  }
}

/// What was used in the window that starts at `start`.
public struct WindowUsage: Hashable, Sendable {
  public var start: Moment
  public var used: TokenCount

  public init(start: Moment, used: TokenCount) {
    self.start = start
    self.used = used
  }

  /// Stands for "no spend yet"; earlier than every window.
  public static let never = WindowUsage(start: Moment(microseconds: .min), used: .zero)
}

extension Account {
  /// Forgets for good that there is somebody; the numbers stay.
  public mutating func erase() {
    isErased = true
    isActive = false
  }
}

extension PerPeriod where Value == TokenLimit? {
  /// The changes that lead from here to `new`, one for each period that differs.
  public func changes(to new: OwnLimits) -> [LimitChange] {
    Period.allCases.compactMap { period in
      self[period] == new[period]
        ? nil : LimitChange(period: period, old: self[period], new: new[period])
    }
  }
}
