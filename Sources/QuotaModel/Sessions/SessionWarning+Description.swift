extension SessionWarning: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ warning: SessionWarning?, to coder: inout Coder
  ) throws(Coder.Failure) -> SessionWarning {
    switch try coder.member("warning", warning?.kind) {
    case .limitReached:
      .limitReached(
        used: try coder.member("used_nano_aiu", warning?.used),
        limit: try coder.member("max_nano_aiu", warning?.limit))
    case .budgetReached:
      .budgetReached(
        try coder.member("budget_id", warning?.budget),
        used: try coder.member("used_nano_aiu", warning?.used),
        limit: try coder.member("max_nano_aiu", warning?.limit))
    case .quotaReached:
      .quotaReached(
        try coder.objects("violations", warning?.violations, atMost: Period.allCases.count))
    case .unknownPrice:
      .unknownPrice(
        try coder.member("model", warning?.model),
        isRefused: try coder.flag("refused", warning?.isRefused))
    }
  }
}

extension SessionWarning {
  /// What it is about. Raw values are part of the record format.
  public enum Kind: UInt8, DescribedChoice {
    case limitReached = 0
    case budgetReached = 1
    case quotaReached = 2
    case unknownPrice = 3

    public var name: String {
      switch self {
      case .limitReached: "limit_reached"
      case .budgetReached: "budget_reached"
      case .quotaReached: "quota_reached"
      case .unknownPrice: "unknown_price"
      }
    }
  }

  @inlinable
  var kind: Kind {
    switch self {
    case .limitReached: .limitReached
    case .budgetReached: .budgetReached
    case .quotaReached: .quotaReached
    case .unknownPrice: .unknownPrice
    }
  }

  @inlinable
  var used: NanoCredits? {
    switch self {
    case .limitReached(let used, _), .budgetReached(_, let used, _): used
    case .quotaReached, .unknownPrice: nil
    }
  }

  @inlinable
  var limit: NanoCredits? {
    switch self {
    case .limitReached(_, let limit), .budgetReached(_, _, let limit): limit
    case .quotaReached, .unknownPrice: nil
    }
  }

  @inlinable
  var budget: BudgetID? {
    if case .budgetReached(let budget, _, _) = self { budget } else { nil }
  }

  @inlinable
  var violations: [Violation]? {
    if case .quotaReached(let violations) = self { violations } else { nil }
  }

  @inlinable
  var model: ModelName? {
    if case .unknownPrice(let model, _) = self { model } else { nil }
  }

  @inlinable
  var isRefused: Bool? {
    if case .unknownPrice(_, let isRefused) = self { isRefused } else { nil }
  }
}
