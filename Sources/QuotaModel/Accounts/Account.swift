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
  public var latest: PerPeriod<WindowUsage>
  /// The highest threshold that was told in each of the latest windows, in percent; 0: none.
  public var told: PerPeriod<UInt8>
  /// The sum of the open holds. A hold counts against whichever window is current.
  public var reserved: TokenCount
  /// Everything ever spent; bounds every window, so that no window can overflow.
  public var lifetime: TokenCount

  public init(
    user: UserID, role: Role, isActive: Bool = true, ownLimits: OwnLimits = .none,
    ownModes: OwnModes = .none, latest: PerPeriod<WindowUsage> = PerPeriod(repeating: .never),
    reserved: TokenCount = .zero,
    lifetime: TokenCount = .zero
  ) {
    self.user = user
    self.role = role
    self.isActive = isActive
    limitNumbers = PerPeriod { ownLimits[$0]?.rawValue ?? Self.noLimit }
    self.ownModes = ownModes
    self.latest = latest
    told = PerPeriod(repeating: 0)
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

/// What a spend did to one period of an account, for whoever keeps the earlier windows.
public enum WindowEffect: Hashable, Sendable {
  /// It counted in the latest window.
  case counted
  /// It opened a later window; this one is complete unless late usage reaches it.
  case opened(previous: WindowUsage)
  /// It belongs to an earlier window, which has to be increased apart.
  case late(start: Moment)
}

extension Account {
  /// Counts a spend once in its day, its week and its month. It happened, so nothing is refused.
  public mutating func count(
    _ tokens: TokenCount, in windows: PerPeriod<Window>
  ) -> PerPeriod<WindowEffect> {
    lifetime = lifetime.addingClamped(tokens)
    return PerPeriod { period in
      let effect = latest[period].count(tokens, inWindowStarting: windows[period].start)
      if case .opened = effect { told[period] = 0 }
      return effect
    }
  }

  /// Counts a spend of windows that are the account's latest ones, which start as told; false, and
  /// nothing is counted, where one of them is not.
  public mutating func count(
    _ tokens: TokenCount, inLatestStarting starts: PerPeriod<Moment>
  ) -> Bool {
    guard latest.daily.start == starts.daily, latest.weekly.start == starts.weekly,
      latest.monthly.start == starts.monthly
    else { return false }
    lifetime = lifetime.addingClamped(tokens)
    latest.daily.used = latest.daily.used.addingClamped(tokens)
    latest.weekly.used = latest.weekly.used.addingClamped(tokens)
    latest.monthly.used = latest.monthly.used.addingClamped(tokens)
    return true
  }

  /// Counts what an event of `windows` should have said instead of what it said.
  public mutating func correct(
    _ correction: Correction, in windows: PerPeriod<Window>
  ) -> PerPeriod<WindowEffect> {
    lifetime = correction.applied(to: lifetime)
    return PerPeriod { period in
      let start = windows[period].start
      guard latest[period].start == start else { return .late(start: start) }
      latest[period].used = correction.applied(to: latest[period].used)
      return .counted
    }
  }

  /// Forgets for good that there is somebody; the numbers stay.
  public mutating func erase() {
    isErased = true
    isActive = false
  }

  public mutating func apply(_ changes: [LimitChange]) {
    for change in changes { ownLimits[change.period] = change.new }
  }

  public mutating func apply(_ changes: [ModeChange]) {
    for change in changes { ownModes[change.period] = change.new }
  }

  public mutating func reserve(_ tokens: TokenCount) {
    reserved = reserved.addingClamped(tokens)
  }

  public mutating func release(_ tokens: TokenCount) {
    reserved = reserved.subtractingClamped(tokens)
  }
}

extension Correction {
  /// A sum that what was counted is part of, after the correction.
  public func applied(to sum: TokenCount) -> TokenCount {
    sum.subtractingClamped(old).addingClamped(usage.total)
  }
}

extension WindowUsage {
  fileprivate mutating func count(
    _ tokens: TokenCount, inWindowStarting start: Moment
  ) -> WindowEffect {
    if start == self.start {
      used = used.addingClamped(tokens)
      return .counted
    }
    if start < self.start { return .late(start: start) }
    defer { self = WindowUsage(start: start, used: tokens) }
    return .opened(previous: self)
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
