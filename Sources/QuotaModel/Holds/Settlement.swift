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
  /// Whether nobody told what it cost, so that what was held counts.
  public var isCostUnknown: Bool

  public init(
    spend: Spend, credits: NanoCredits = .zero, overage: TokenCount = .zero,
    isLate: Bool = false, isCountedInSession: Bool = false, isCostUnknown: Bool = false
  ) {
    self.spend = spend
    self.credits = credits
    self.overage = overage
    self.isLate = isLate
    self.isCountedInSession = isCountedInSession
    self.isCostUnknown = isCostUnknown
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

extension Settlement {
  /// Names the members of a settlement and of the hold that it is of, whose user stands first.
  @inlinable
  static func describe<Coder: FactCoder & ~Escapable>(
    _ hold: HoldID?, _ settlement: Settlement?, to coder: inout Coder,
    _ make: (HoldID, Settlement) -> Fact
  ) throws(Coder.Failure) -> Fact {
    let user = try coder.member("user", settlement?.spend.user)
    let hold = try coder.member("hold", hold)
    let spend = Spend(
      user: user, usage: try .describe(settlement?.spend.usage, to: &coder),
      model: try coder.optional("model", settlement.map(\.spend.model)))
    return make(
      hold,
      Settlement(
        spend: spend, credits: try coder.member("nano_aiu", settlement?.credits, unless: .zero),
        overage: try coder.member("overage", settlement?.overage, unless: .zero),
        isLate: try coder.flag("late", settlement?.isLate),
        isCountedInSession: try coder.flag("counted_in_session", settlement?.isCountedInSession),
        isCostUnknown: try coder.flag("cost_unknown", settlement?.isCostUnknown)))
  }
}
