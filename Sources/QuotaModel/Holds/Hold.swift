/// Names a hold: the position of the event that made it.
public struct HoldID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let position: Position

  public init(_ position: Position) { self.position = position }

  /// Reads a decimal position, or answers nil.
  public init?(text: String) {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(text),
      number > 0
    else { return nil }
    position = Position(number)
  }

  public var description: String { position.description }
  public static func < (left: HoldID, right: HoldID) -> Bool { left.position < right.position }
}

/// Tokens, and credits, set aside for a call that has not happened yet.
public struct Hold: Hashable, Sendable {
  public var user: UserID
  public var tokens: TokenCount
  /// The first moment at which the hold no longer counts.
  public var expiresAt: Moment
  /// The session that the call belongs to.
  public var session: SessionRef?
  /// What is set aside in the session and in `budgets`.
  public var credits: NanoCredits
  /// Shared budgets that the call is paid from, besides its session's.
  public var budgets: [BudgetID]

  /// Shared budgets that one hold may name.
  public static let maximumBudgetCount = 8

  public init(
    user: UserID, tokens: TokenCount, expiresAt: Moment, session: SessionRef? = nil,
    credits: NanoCredits = .zero, budgets: [BudgetID] = []
  ) {
    self.user = user
    self.tokens = tokens
    self.expiresAt = expiresAt
    self.session = session
    self.credits = credits
    self.budgets = budgets
  }
}

extension HoldID {
  /// What the hold's call is called within its session.
  public var call: StepID { StepID(self) }

  /// What a settlement of the hold is called within its session.
  public func usage(settledAt position: Position) -> StepID {
    StepID(self, settledAt: position)
  }
}

/// How a hold ended. Raw values are part of the projection's format.
public enum HoldEnd: UInt8, CaseIterable, Sendable {
  case settled = 1
  case voided = 2
  /// Nobody said anything in time; what was used may still come.
  case expired = 3
  /// What was used came after the hold had expired.
  case settledLate = 4
}

extension Hold: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ hold: Hold?, to coder: inout Coder
  ) throws(Coder.Failure) -> Hold {
    Hold(
      user: try coder.member("user", hold?.user), tokens: try coder.member("tokens", hold?.tokens),
      expiresAt: try coder.member("expires_at", hold?.expiresAt),
      session: try coder.optional("session", hold.map(\.session)),
      credits: try coder.member("nano_aiu", hold?.credits, unless: .zero),
      budgets: try describe(budgets: hold?.budgets, to: &coder))
  }

  /// Shared budgets, each once.
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    budgets: [BudgetID]?, to coder: inout Coder
  ) throws(Coder.Failure) -> [BudgetID] {
    let found = try coder.listUnlessEmpty(
      "budget_ids", budgets, of: "ids of shared budgets", atMost: maximumBudgetCount)
    if budgets == nil, Set(found).count != found.count {
      try coder.refuse("budget_ids", "must hold ids of shared budgets, each once")
    }
    return found
  }
}
