/// Which users may join, read and use a shared budget by themselves (contract session-limits, 8.1). For others
/// it does not exist; staff and services use every budget, for anybody.
public enum BudgetAccess: Hashable, Sendable {
  case open
  /// In order, each once; as many as one record holds at most.
  case members([UserID])

  public static let maximumMemberCount = 128
  public static let nobody = BudgetAccess.members([])

  public func includes(_ user: UserID) -> Bool {
    switch self {
    case .open: true
    case .members(let members): members.contains(user)
    }
  }
}

/// A cap over several sessions (contract session-limits, 8.1).
public struct SharedBudget: Hashable, Sendable {
  public let id: BudgetID
  public var limit: NanoCredits
  /// Everything that its sessions spent.
  public var used = NanoCredits.zero
  /// What is kept free for calls under way in its sessions.
  public var reserved = NanoCredits.zero
  public var access = BudgetAccess.nobody
  /// Sessions that wait for an answer because it is spent.
  public var asking: [SessionRef] = []
  /// Calls that were counted, and of these the ones of which nobody knows what they cost.
  public var calls: UInt64 = 0
  public var unpricedCalls: UInt64 = 0
  /// The dearest call of each model whose cost is known, in the order of the first.
  public var dearestCalls: [DearestCall] = []

  public init(id: BudgetID, limit: NanoCredits) {
    self.id = id
    self.limit = limit
  }

  public var isExhausted: Bool { used >= limit }

  public var creditsStatus: CreditsStatus { CreditsStatus(unknown: unpricedCalls, of: calls) }

  /// The dearest call of a model, or of any where nobody says which; nil where none is known.
  public func dearestCall(of model: ModelName?) -> NanoCredits? {
    dearestCalls.filter { model == nil || $0.model == model }.map(\.cost).max()
  }
}

/// What the dearest call of a model cost under a shared budget.
public struct DearestCall: Hashable, Sendable {
  /// How many models are told apart; every call of a budget writes them all. One beyond them stays
  /// unknown, and its calls run one at a time.
  public static let maximumCount = 64

  /// nil: nobody said which.
  public var model: ModelName?
  public var cost: NanoCredits

  public init(model: ModelName?, cost: NanoCredits) {
    self.model = model
    self.cost = cost
  }
}

/// Whether a model call may start.
public enum CallVerdict: Hashable, Sendable {
  /// With so much kept free for it.
  case admitted(reservation: NanoCredits)
  /// Calls under way may use up the rest: ask again when one has ended.
  case mustWait
  case exhausted(used: NanoCredits, limit: NanoCredits, budget: BudgetID?)
}

extension Session {
  /// Decides on a call: it is let in only if, for the session and its shared budget, what is used and
  /// what is kept free for others is less than the cap.
  ///
  /// A call that nobody can estimate is taken for the dearest that is known, or else for `fallback`,
  /// and never for less than `inputCost`. Under a shared budget calls of a model of which no cost is
  /// known run one at a time: what is kept free for them is a guess.
  public func verdict(
    estimate: NanoCredits?, fallback: NanoCredits, budget: SharedBudget?, model: ModelName? = nil,
    inputCost: NanoCredits = .zero
  ) -> CallVerdict {
    if let limit, used >= limit { return .exhausted(used: used, limit: limit, budget: nil) }
    if let budget, budget.isExhausted {
      return .exhausted(used: budget.used, limit: budget.limit, budget: budget.id)
    }
    if calls.count >= Self.maximumCallCount { return .mustWait }
    if let limit, used.addingClamped(reserved) >= limit { return .mustWait }
    if let budget, budget.used.addingClamped(budget.reserved) >= budget.limit { return .mustWait }
    if let estimate { return .admitted(reservation: max(estimate, .smallest)) }
    if let budget, budget.reserved > .zero, budget.dearestCall(of: model) == nil {
      return .mustWait
    }
    let dearest = max(window.dearestCall, budget?.dearestCall(of: model) ?? .zero)
    return .admitted(
      reservation: max(dearest == .zero ? fallback : dearest, inputCost, .smallest))
  }

  /// The cap after an answer; nil where the sum does not fit.
  public func limit(after answer: ExhaustionAnswer) -> NanoCredits?? {
    switch answer {
    case .add(let amount): (limit ?? .zero).adding(amount).map { .some($0) }
    case .set(let amount): .some(amount)
    case .unset: .some(nil)
    case .cancel: .some(limit)
    }
  }
}
