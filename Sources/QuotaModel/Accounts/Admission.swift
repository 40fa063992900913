/// The answer to "may this spend go ahead?".
public enum Admission: Hashable, Sendable {
  case granted
  /// Every limit that leaves no room, in the order day, week, month.
  case refused([Violation])
}

extension Account {
  /// Whether the account may spend `estimate` more, or anything at all where no estimate is given.
  ///
  /// Contract chat-quota, section 7: with `rest = limit - used - reserved`, a period refuses if
  /// `rest <= 0`, or if `estimate > rest`. `used` is what the windows of the moment hold.
  public func decide(
    on estimate: TokenCount?, used: PerPeriod<TokenCount>, defaults: Limits
  ) -> Admission {
    let limits = ownLimits.effective(defaults: defaults)
    let violations = Period.allCases.compactMap { period in
      limits[period].leavesRoom(for: estimate, used: used[period], reserved: reserved)
        ? nil
        : Violation(
          period: period, limit: limits[period], used: used[period], reserved: reserved)
    }
    return violations.isEmpty ? .granted : .refused(violations)
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
