extension Account {
  /// Takes the next event of its user into account, but for what it counts (`count`): that takes windows. It
  /// happened, so nothing is refused.
  ///
  /// - Parameter step: What the hold sets aside that the event is about.
  public mutating func apply(_ fact: Fact, _ step: HoldStep?) {
    switch fact {
    case .userDeactivated: isActive = false
    case .userReactivated: isActive = !isErased
    case .userErased: erase()
    case .roleChanged(_, old: _, let new): role = new
    case .limitsChanged(_, let changes): apply(changes)
    case .modesChanged(_, let changes): apply(changes)
    case .allowanceGranted: hasAllowances = true
    case .thresholdCrossed(let crossing): apply(crossing)
    case .spendHeld, .holdDrawn, .holdSettled, .holdVoided, .holdExpired, .holdExtended:
      release(step?.before?.tokens ?? .zero)
      reserve(step?.after?.tokens ?? .zero)
    case .userRegistered, .tokenIssued, .tokenRevoked, .defaultsChanged, .calendarChanged,
      .tokensSpent, .usageCorrected, .spendRefused, .spendShadowed, .sessionStarted, .session,
      .budgetChanged, .limitsScheduled, .scheduleEnded:
      break
    }
  }

  /// Counts usage, or what it should have been, once in each window of its moment.
  public mutating func count(
    _ change: UsageChange, in windows: PerPeriod<Window>
  ) -> PerCount<WindowEffect> {
    lifetime = change.applied(to: lifetime)
    return PerCount { period in
      let start = windows[period.period].start
      if start < latest[period].start { return .late(start: start) }
      if start == latest[period].start {
        latest[period].used = change.applied(to: latest[period].used)
        return .counted
      }
      defer {
        latest[period] = WindowUsage(start: start, used: change.applied(to: .zero))
        told[period] = 0
      }
      return .opened(previous: latest[period], told: told[period])
    }
  }

  /// Counts a spend of windows that are the account's latest ones, which start as told; false, and
  /// nothing is counted, where one of them is not. It is `count` for the most frequent case.
  public mutating func count(
    _ tokens: TokenCount, inLatestStarting starts: PerCount<Moment>
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

/// What usage did to one period of an account, for whoever keeps the windows before the latest.
public enum WindowEffect: Hashable, Sendable {
  /// It counted in the latest window.
  case counted
  /// It opened a later window. This one is complete unless late usage reaches it, and this much was told of
  /// its thresholds.
  case opened(previous: WindowUsage, told: UInt8)
  /// It belongs to an earlier window, to which the change has to be applied apart.
  case late(start: Moment)
}
