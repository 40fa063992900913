/// What holds for everybody who has nothing of their own.
public struct SystemPolicy: Hashable, Sendable {
  public var limits: Limits
  public var modes: Modes

  public init(limits: Limits = .unlimited, modes: Modes = .hard) {
    self.limits = limits
    self.modes = modes
  }
}

/// The limits that decide about one account at one moment, allowances included.
public struct Policy: Hashable, Sendable {
  public var limits: Limits
  public var modes: Modes

  public init(limits: Limits, modes: Modes = .hard) {
    self.limits = limits
    self.modes = modes
  }
}

extension Account {
  /// What decides in `windows`: own limits, else the system's, and what was allowed on top.
  public func policy(
    defaults: SystemPolicy, allowances: Allowances = .none, in windows: PerPeriod<Window>
  ) -> Policy {
    let limits = ownLimits.effective(defaults: defaults.limits)
    return Policy(
      limits: Limits {
        limits[$0].raised(by: allowances.tokens($0, inWindowStarting: windows[$0].start))
      },
      modes: Modes { ownModes[$0] ?? defaults.modes[$0] })
  }
}

extension TokenLimit {
  /// The limit with so much on top, at most the highest that a limit may be.
  public func raised(by tokens: TokenCount) -> TokenLimit {
    guard !isUnlimited, tokens > .zero else { return self }
    let (sum, overflow) = rawValue.addingReportingOverflow(tokens.rawValue)
    return overflow ? .highest : TokenLimit(sum) ?? .highest
  }
}

extension Account {
  /// Whether anybody asks what the account used in windows of a period: of those that are a sum of others only
  /// where there is a limit, or somebody means just them.
  public func counts(_ period: Period, defaults: Limits, meaning meant: Period? = nil) -> Bool {
    period.counted != nil || period == meant
      || !(ownLimits[period] ?? defaults[period]).isUnlimited
  }
}

extension Policy {
  /// The periods to tell of: those that are counted anyway, and others where they have a limit.
  public var shownPeriods: [Period] {
    Period.allCases.filter { $0.counted != nil || !limits[$0].isUnlimited }
  }
}

extension SystemPolicy {
  /// The periods to tell of: those that are counted anyway, and others where something is set.
  public var shownPeriods: [Period] {
    Period.allCases.filter {
      $0.counted != nil || !limits[$0].isUnlimited || modes[$0] != .hard
    }
  }
}

extension Account {
  /// The periods to tell of: those that are counted anyway, and others where the account has something.
  public var shownPeriods: [Period] {
    Period.allCases.filter {
      $0.counted != nil || ownLimits[$0] != nil || ownModes[$0] != nil
    }
  }
}
