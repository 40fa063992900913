/// What a held call really used, or a part of it.
public struct Settlement: Hashable, Sendable {
  public var spend: Spend
  /// What it cost; counts against the shared budgets that the hold names.
  public var credits: NanoCredits
  /// How far it passed what was still held; counted all the same.
  public var overage: TokenCount
  /// Whether the hold had expired before.
  public var isLate: Bool
  /// Whether the event behind this one, a usage of the hold's session, counts the tokens.
  public var isCountedInSession: Bool

  public init(
    spend: Spend, credits: NanoCredits = .zero, overage: TokenCount = .zero,
    isLate: Bool = false, isCountedInSession: Bool = false
  ) {
    self.spend = spend
    self.credits = credits
    self.overage = overage
    self.isLate = isLate
    self.isCountedInSession = isCountedInSession
  }
}

extension Settlement {
  /// The tokens that this event itself adds to its user's windows.
  public var countedTokens: TokenCount { isCountedInSession ? .zero : spend.usage.total }
}

extension Hold {
  /// What is left after a part of the call was settled.
  public mutating func draw(_ settlement: Settlement) {
    tokens = tokens.subtractingClamped(settlement.spend.usage.total)
    credits = credits.subtractingClamped(settlement.credits)
  }
}
