public import QuotaModel

/// Something that an audit found to be otherwise than the log says.
public struct AuditFinding: Error, Hashable, Sendable {
  /// What it is about: an account, or nil for the log itself.
  public let user: UserID?
  /// What differs, in words, with both values.
  public let text: String
  /// The position that the comparison was made for.
  public let position: Position
}

extension AuditFinding: CustomStringConvertible {
  public var description: String {
    guard let user else { return "\(text), at position \(position)" }
    return "user \(user), at position \(position): \(text)"
  }
}

/// How the audit is doing.
public struct AuditStatus: Sendable {
  /// What was found; nil while everything is as the log says.
  public var finding: AuditFinding?
  /// How often the whole log was gone through.
  public var passCount: UInt64 = 0
  /// Accounts that were compared.
  public var accountCount: UInt64 = 0
  /// How far the last pass went.
  public var position = Position.zero
}

/// One account as the log has it and as the projection has it.
struct AccountComparison {
  let fresh: AccountFold
  let live: LiveAccount

  /// The first thing that differs, with both values; nil where nothing does.
  var firstDifference: String? {
    differenceOfRights ?? differenceOfCounts ?? differenceOfPast
  }

  private var differenceOfPast: String? {
    for period in CountedPeriod.allCases {
      for (start, found) in live.past[period].sorted(by: { $0.key < $1.key }) {
        let used = fresh.past[period][start] ?? .zero
        if found != used {
          return "the \(period) window from \(start.rfc3339) holds \(found), by the log \(used)"
        }
      }
    }
    return nil
  }

  private var differenceOfRights: String? {
    let (live, account) = (live.account, fresh.account)
    if live.role != account.role {
      return "the role is \(live.role.name), by the log \(account.role.name)"
    }
    if live.isActive != account.isActive {
      return "active is \(live.isActive), by the log \(account.isActive)"
    }
    for period in Period.allCases {
      let (found, expected) = (live.ownLimits[period], account.ownLimits[period])
      if found != expected {
        return "the own \(period) limit is \(text(found)), by the log \(text(expected))"
      }
      let (mode, expectedMode) = (live.ownModes[period], account.ownModes[period])
      if mode != expectedMode {
        return "the own \(period) mode is \(text(mode)), by the log \(text(expectedMode))"
      }
    }
    return self.live.allowances == fresh.allowances ? nil : "the allowances differ"
  }

  private var differenceOfCounts: String? {
    let (live, account) = (live.account, fresh.account)
    for period in CountedPeriod.allCases where live.latest[period] != account.latest[period] {
      let (found, expected) = (live.latest[period], account.latest[period])
      return "the latest \(period) window, from \(found.start.rfc3339), holds \(found.used), "
        + "by the log it is from \(expected.start.rfc3339) and holds \(expected.used)"
    }
    if live.reserved != account.reserved {
      return "\(live.reserved) are reserved, by the log \(account.reserved)"
    }
    if live.lifetime != account.lifetime {
      return "\(live.lifetime) were ever used, by the log \(account.lifetime)"
    }
    if let open = self.live.holds,
      let hold = Set(fresh.holds.keys).symmetricDifference(open).min()
    {
      return open.contains(hold)
        ? "hold \(hold) is open, by the log it has ended"
        : "hold \(hold) is not open, by the log it is"
    }
    return live == account ? nil : "what was told of thresholds differs"
  }

  private func text(_ limit: TokenLimit?) -> String { limit.map { "\($0)" } ?? "none" }

  private func text(_ mode: LimitMode?) -> String { mode.map { "\($0)" } ?? "none" }
}
