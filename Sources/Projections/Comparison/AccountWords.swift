public import QuotaModel

/// A value in words, under a name. Equal values have equal words and the other way round.
typealias NamedValue = (name: String, value: String)

/// What is compared of one account, for whoever has to say it in words.
public struct AccountWords: Hashable, Sendable {
  public let user: UserID
  /// The windows whose use is told: the latest of both sides, and one that a row is about.
  let windows: [CountedWindow]

  fileprivate func values(
    _ entry: AccountEntry, _ used: [TokenCount], _ allowances: Allowances,
    _ calendar: QuotaCalendar
  ) -> [NamedValue] {
    let account = entry.account
    var values: [NamedValue] = [
      ("the account", "there"), ("its number", "\(entry.number.rawValue)"),
      ("role", account.role.name), ("state", account.isActive ? "active" : "deactivated"),
      ("held", account.reserved.description), ("spent in all", account.lifetime.description),
    ]
    for (window, used) in zip(windows, used) {
      let start = calendar.text(of: window.start)
      values.append(
        ("used in the \(window.period.period.noun) that began \(start)", used.description))
    }
    func text(_ usage: WindowUsage) -> String {
      usage == .never ? "nothing" : "\(usage.used) since \(calendar.text(of: usage.start))"
    }
    for period in Period.allCases {
      let noun = period.noun
      values += [
        ("own limit of the \(noun)", account.ownLimits[period]?.description ?? "the default"),
        ("own mode of the \(noun)'s limit", account.ownModes[period]?.name ?? "the default"),
        ("allowed on top of the \(noun)'s limit", text(allowances.latest[period])),
      ]
    }
    for period in CountedPeriod.allCases {
      let (noun, latest) = (period.period.noun, account.latest[period])
      values += [
        ("latest \(noun)", latest == .never ? "none" : calendar.text(of: latest.start)),
        ("threshold told in the \(noun)", "\(account.told[period]) %"),
      ]
    }
    return values
  }

  fileprivate static let missing: [NamedValue] = [("the account", "missing")]
}

extension Snapshot {
  func values(
    of words: AccountWords, _ calendar: QuotaCalendar
  ) throws(ProjectionFailure) -> [NamedValue] {
    guard let entry = try account(words.user) else { return AccountWords.missing }
    var used: [TokenCount] = []
    for window in words.windows { used.append(try self.used(by: entry, in: window)) }
    return words.values(entry, used, try allowances(of: entry.account), calendar)
  }
}

extension FoldBatch {
  /// What the fold says of an account, this batch included, under each of `names` that it has.
  public mutating func values(
    of words: AccountWords, named names: [String]
  ) throws(ProjectionFailure) -> [String] {
    let entry = try account(words.user)
    guard let entry else {
      return AccountWords.missing.filter { names.contains($0.name) }.map(\.value)
    }
    var used: [TokenCount] = []
    for window in words.windows {
      let latest = entry.account.latest[window.period]
      used.append(
        latest.start == window.start
          ? latest.used
          : try pastUsage(of: entry.number, window))
    }
    let allowances = entry.account.hasAllowances ? try allowances(of: words.user) : .none
    return words.values(entry, used, allowances, calendar)
      .filter { names.contains($0.name) }.map(\.value)
  }
}
