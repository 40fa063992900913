/// The answer to "may this spend go ahead?".
public enum Admission: Hashable, Sendable {
  /// With the limits in shadow mode that `hard` would have refused by, in the order of periods.
  case granted(shadowed: [Violation])
  /// Every limit that leaves no room, in the order day, week, month; those in shadow mode too.
  case refused([Violation])
}

extension Account {
  /// Whether the account may spend `estimate` more, or anything at all where no estimate is given.
  ///
  /// Contract chat-quota, section 7: with `rest = limit - used - reserved`, a period refuses if
  /// `rest <= 0`, or if `estimate > rest`. `used` is what the windows of the moment hold.
  public func decide(
    on estimate: TokenCount?, used: PerPeriod<TokenCount>, policy: Policy
  ) -> Admission {
    var violations: [Violation] = []
    var isRefused = false
    for period in Period.allCases {
      let (limit, mode) = (policy.limits[period], policy.modes[period])
      // A soft limit does not ask what a call may cost.
      let asked = mode == .soft ? nil : estimate
      if limit.leavesRoom(for: asked, used: used[period], reserved: reserved) { continue }
      isRefused = isRefused || mode != .shadow
      violations.append(
        Violation(
          period: period, limit: limit, used: used[period], reserved: reserved, mode: mode))
    }
    return isRefused ? .refused(violations) : .granted(shadowed: violations)
  }
}

extension TokenLimit {
  fileprivate func leavesRoom(
    for estimate: TokenCount?, used: TokenCount, reserved: TokenCount
  ) -> Bool {
    if isUnlimited { return true }
    let rest = Int128(rawValue) - Int128(used.rawValue) - Int128(reserved.rawValue)
    return rest > 0 && Int128(estimate?.rawValue ?? 0) <= rest
  }
}
