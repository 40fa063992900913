/// What holds for everybody: a pure fold of the events that change it.
public struct SystemState: Hashable, Sendable {
  public var policy: SystemPolicy
  /// The calendar that was named last.
  public var calendar: CalendarSetting

  public init(policy: SystemPolicy = SystemPolicy(), calendar: CalendarSetting = .default) {
    self.policy = policy
    self.calendar = calendar
  }

  public mutating func apply(_ change: SystemChange) {
    switch change {
    case .limits(let changes):
      for change in changes { policy.limits[change.period] = change.new ?? .unlimited }
    case .modes(let changes):
      for change in changes { policy.modes[change.period] = change.new ?? .hard }
    case .calendar(let setting): calendar = setting
    }
  }
}

/// What may change for everybody.
public enum SystemChange: Hashable, Sendable {
  case limits([LimitChange])
  case modes([ModeChange])
  case calendar(CalendarSetting)
}
