internal import QuotaModel

/// Which optional parts follow a stored hold. A body without any ends before this byte, as the first
/// records of format 1 do.
struct HoldParts: OptionSet {
  let rawValue: UInt8
  static let session = HoldParts(rawValue: 1)
  static let credits = HoldParts(rawValue: 2)
  static let budgets = HoldParts(rawValue: 4)
  static let all: HoldParts = [.session, .credits, .budgets]
}

extension HoldParts {
  init(of hold: Hold) {
    self = []
    if hold.session != nil { insert(.session) }
    if hold.credits > .zero { insert(.credits) }
    if !hold.budgets.isEmpty { insert(.budgets) }
  }
}

/// Which optional part follows a stored change of a budget: one of them at most.
struct BudgetParts: OptionSet {
  let rawValue: UInt8
  static let members = BudgetParts(rawValue: 1)
  static let open = BudgetParts(rawValue: 2)
}

/// Which optional parts follow a stored settlement.
struct SettlementParts: OptionSet {
  let rawValue: UInt8
  static let credits = SettlementParts(rawValue: 1)
  static let overage = SettlementParts(rawValue: 2)
  static let late = SettlementParts(rawValue: 4)
  static let countedInSession = SettlementParts(rawValue: 8)
  static let all: SettlementParts = [.credits, .overage, .late, .countedInSession]
}

extension SettlementParts {
  init(of settlement: Settlement) {
    self = []
    if settlement.credits > .zero { insert(.credits) }
    if settlement.overage > .zero { insert(.overage) }
    if settlement.isLate { insert(.late) }
    if settlement.isCountedInSession { insert(.countedInSession) }
  }
}

/// Which optional parts follow what a call of a session used.
struct UsageParts: OptionSet {
  let rawValue: UInt8
  static let estimate = UsageParts(rawValue: 1)
  static let all: UsageParts = [.estimate]
}

extension UsageParts {
  init(of usage: SessionUsage) {
    self = usage.estimate == nil ? [] : .estimate
  }
}

/// Which optional parts follow a stored warning.
struct WarningParts: OptionSet {
  let rawValue: UInt8
  /// The call was not made.
  static let refused = WarningParts(rawValue: 2)
}

/// Which optional parts follow a stored refusal.
struct RefusalParts: OptionSet {
  let rawValue: UInt8
  static let credits = RefusalParts(rawValue: 1)
  static let session = RefusalParts(rawValue: 2)
  static let creditViolations = RefusalParts(rawValue: 4)
  static let policy = RefusalParts(rawValue: 8)
  static let timeToLive = RefusalParts(rawValue: 16)
  static let budgets = RefusalParts(rawValue: 32)
  static let all: RefusalParts = [
    .credits, .session, .creditViolations, .policy, .timeToLive, .budgets,
  ]
}

extension RefusalParts {
  init(of refusal: Refusal) {
    self = []
    if refusal.credits != nil { insert(.credits) }
    if refusal.session != nil { insert(.session) }
    if !refusal.creditViolations.isEmpty { insert(.creditViolations) }
    if refusal.policy != nil { insert(.policy) }
    if refusal.timeToLiveSeconds != nil { insert(.timeToLive) }
    if !refusal.budgets.isEmpty { insert(.budgets) }
  }
}
