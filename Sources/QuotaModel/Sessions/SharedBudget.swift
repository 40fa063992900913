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

  public init(id: BudgetID, limit: NanoCredits) {
    self.id = id
    self.limit = limit
  }

  public var isExhausted: Bool { used >= limit }
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
  /// A call that nobody can estimate is taken for the window's dearest, or else for `fallback`.
  public func verdict(
    estimate: NanoCredits?, fallback: NanoCredits, budget: SharedBudget?
  ) -> CallVerdict {
    if let limit, used >= limit { return .exhausted(used: used, limit: limit, budget: nil) }
    if let budget, budget.isExhausted {
      return .exhausted(used: budget.used, limit: budget.limit, budget: budget.id)
    }
    if calls.count >= Self.maximumCallCount { return .mustWait }
    if let limit, used.addingClamped(reserved) >= limit { return .mustWait }
    if let budget, budget.used.addingClamped(budget.reserved) >= budget.limit { return .mustWait }
    let dearest = window.dearestCall == .zero ? fallback : window.dearestCall
    return .admitted(reservation: max(estimate ?? dearest, .smallest))
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
