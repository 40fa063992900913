internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// Whether anything, or an estimate, may be spent now; a refusal is recorded.
  mutating func check(
    _ reference: UserReference, estimate: TokenCount?, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard let entry = try account(reference), entry.account.isActive else {
      return .failed(.unknownUser)
    }
    let user = entry.account.user
    let standing = try standing(of: entry)
    switch entry.account.decide(on: estimate, used: standing.used, policy: standing.policy) {
    case .granted(let shadowed):
      try recordShadowed(shadowed, user, estimate, submission)
      return .granted(standing, position: fold.state.position)
    case .refused(let violations):
      let refusal = Refusal(
        user: user, estimate: estimate, violations: violations, policy: fold.state.policy)
      return .refused(refusal, try record(.spendRefused(refusal), for: submission), standing)
    }
  }

  /// Checks every limit and sets aside, all in one step.
  mutating func hold(
    _ request: HoldRequest, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let earlier = try earlierEvent(of: submission) { return try replay(earlier, of: request) }
    guard let entry = try account(request.user), entry.account.isActive else {
      return .failed(.unknownUser)
    }
    guard entry.account.reserved.adding(request.estimate) != nil else {
      return .failed(.overflow)
    }
    let gate: CreditGate
    switch try creditGate(of: request, entry.account.user) {
    case .failure(let failure): return .failed(failure)
    case .success(let found): gate = found
    }
    let standing = try standing(of: entry)
    let decision = entry.account.decide(
      on: request.estimate, used: standing.used, policy: standing.policy)
    guard case .granted(let shadowed) = decision, gate.violations.isEmpty else {
      return try refuse(request, decision, gate, standing, entry.account.user, submission)
    }
    try recordShadowed(shadowed, entry.account.user, request.estimate, submission)
    return try open(request, gate, standing, entry.account.user, submission)
  }

  private mutating func open(
    _ request: HoldRequest, _ gate: CreditGate, _ standing: Standing, _ user: UserID,
    _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let expiresAt = Moment(
      microseconds: now.microseconds + request.timeToLiveSeconds * 1_000_000)
    let hold = Hold(
      user: user, tokens: request.estimate, expiresAt: expiresAt, session: gate.session?.ref,
      credits: gate.reservation, budgets: request.budgets(besides: gate.session?.budget))
    let receipt = try record(.spendHeld(hold), for: submission)
    var after = standing
    after.reserved = standing.reserved.addingClamped(hold.tokens)
    return .held(HoldReceipt(hold, receipt: receipt, standing: after))
  }

  private mutating func refuse(
    _ request: HoldRequest, _ decision: Admission, _ gate: CreditGate, _ standing: Standing,
    _ user: UserID, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let violations: [Violation] = if case .refused(let all) = decision { all } else { [] }
    let refusal = Refusal(
      user: user, estimate: request.estimate, violations: violations, credits: request.credits,
      session: gate.session?.ref, creditViolations: gate.violations, policy: fold.state.policy,
      timeToLiveSeconds: request.timeToLiveSeconds, budgets: request.budgets)
    let receipt = try record(.spendRefused(refusal), for: submission)
    if violations.isEmpty, let session = gate.session {
      try ask(about: gate.violations, in: session, submission)
    }
    return .refused(refusal, receipt, standing)
  }

  /// A cap that is used up asks the people of its session what now, as a blocked call does (contract
  /// session-limits, section 6).
  private mutating func ask(
    about violations: [CreditViolation], in session: Session, _ submission: Submission
  ) throws(StoreFailure) {
    guard session.request == nil,
      let spent = violations.first(where: {
        $0.used >= $0.limit && ($0.budget == nil || $0.budget == session.budget)
      })
    else { return }
    let question = ExhaustionRequest(
      id: System.randomEntry(), used: spent.used, limit: spent.limit, budget: spent.budget)
    try tell(.exhaustionRequested(question), in: session.ref, submission)
  }

  // MARK: Tokens

  /// Where an account stands now.
  func standing(of entry: AccountEntry) throws(StoreFailure) -> Standing {
    let windows = fold.windows(containing: now)
    return try usingProjection(
      Standing(
        policy: fold.policy(of: entry.account, in: windows),
        used: fold.used(by: entry, in: windows), reserved: entry.account.reserved,
        windows: windows))
  }

  /// Whether a session's user may spend anything at all; what a limit in shadow mode would have
  /// refused is recorded.
  mutating func violations(
    of entry: AccountEntry, _ submission: Submission
  ) throws(StoreFailure) -> [Violation] {
    let standing = try standing(of: entry)
    switch entry.account.decide(on: nil, used: standing.used, policy: standing.policy) {
    case .refused(let violations): return violations
    case .granted(let shadowed):
      try recordShadowed(shadowed, entry.account.user, nil, submission)
      return []
    }
  }

  private mutating func recordShadowed(
    _ violations: [Violation], _ user: UserID, _ estimate: TokenCount?, _ submission: Submission
  ) throws(StoreFailure) {
    guard !violations.isEmpty else { return }
    let refusal = Refusal(
      user: user, estimate: estimate, violations: violations, policy: fold.state.policy)
    _ = try record(.spendShadowed(refusal), for: submission, withRequestID: false)
  }

  // MARK: Credits

  /// What a session and shared budgets say to a hold.
  fileprivate struct CreditGate {
    var session: Session?
    /// What is set aside, in the session and in each budget.
    var reservation = NanoCredits.zero
    var violations: [CreditViolation] = []
  }

  private mutating func creditGate(
    of request: HoldRequest, _ user: UserID
  ) throws(StoreFailure) -> Result<CreditGate, CommandFailure> {
    var gate = CreditGate()
    var budgets = request.budgets
    if let address = request.session {
      guard let session = try session(at: address) else { return .failure(.unknownSession) }
      guard session.user == user else { return .failure(.sessionOfAnotherUser) }
      guard session.phase == .open else { return .failure(.sessionClosed) }
      guard session.calls.count < Session.maximumCallCount else { return .failure(.tooManyCalls) }
      gate.session = session
      if let budget = session.budget, !budgets.contains(budget) { budgets.append(budget) }
    }
    gate.reservation = Self.reservation(for: request, gate.session)
    if let session = gate.session, let limit = session.limit {
      gate.add(
        nil, limit: limit, used: session.used, reserved: session.reserved, asked: request.credits)
    }
    for id in budgets {
      guard let budget = try budget(id) else { return .failure(.unknownBudget) }
      let isGuess = gate.isGuess(request, budget)
      gate.reservation = max(gate.reservation, gate.guess(request, budget))
      gate.add(
        id, limit: budget.limit, used: budget.used, reserved: budget.reserved,
        asked: request.credits, isAlone: isGuess)
    }
    return .success(gate)
  }

  /// The estimate, else the dearest call of the session's window; at least one nano-credit where there
  /// is anything to set it aside in (contract session-limits, 8.1).
  private static func reservation(for request: HoldRequest, _ session: Session?) -> NanoCredits {
    if let session {
      let credits = request.credits ?? session.window.dearestCall
      return max(credits, .smallest)
    }
    return request.budgets.isEmpty ? .zero : max(request.credits ?? .zero, .smallest)
  }

  // MARK: Repetitions

  private mutating func replay(
    _ event: Event, of request: HoldRequest
  ) throws(StoreFailure) -> Answer {
    let user = try user(request.user)
    if case .spendHeld(let hold) = event.fact {
      let timeToLive = hold.expiresAt.microseconds - event.happenedAt.microseconds
      let differences = [
        ("user", user != hold.user), ("estimate", request.estimate != hold.tokens),
        ("session_id", try differs(request.session, from: hold.session)),
        ("budget_ids", try budgets(of: request, in: hold.session) != hold.budgets),
        ("estimate_nano_aiu", hold.isPaid && request.credits.map { $0 != hold.credits } ?? false),
        ("ttl_seconds", request.timeToLiveSeconds * 1_000_000 != timeToLive),
      ]
      let receipt = Receipt(replaying: event)
      return event.conflict(differences) ?? .held(HoldReceipt(hold, receipt: receipt))
    }
    guard case .spendRefused(let refusal) = event.fact else { return event.conflict(in: "type") }
    let differences = [
      ("user", user != refusal.user), ("estimate", request.estimate != refusal.estimate),
      ("session_id", try differs(request.session, from: refusal.session)),
      ("budget_ids", request.budgets != refusal.budgets),
      ("estimate_nano_aiu", request.credits != refusal.credits),
      ("ttl_seconds", request.timeToLiveSeconds != refusal.timeToLiveSeconds),
    ]
    return event.conflict(differences) ?? .refused(refusal, Receipt(replaying: event), nil)
  }

  /// Whether a repetition names another session. What a session that was deleted since was called is
  /// nobody's name any more, or somebody else's.
  private mutating func differs(
    _ address: SessionAddress?, from first: SessionRef?
  ) throws(StoreFailure) -> Bool {
    guard let address, let first else { return (address == nil) != (first == nil) }
    if try session(at: address)?.ref == first { return false }
    return try current(first).phase != .deleted
  }

  private mutating func budgets(
    of request: HoldRequest, in session: SessionRef?
  ) throws(StoreFailure) -> [BudgetID] {
    guard let session else { return request.budgets }
    return request.budgets(besides: try current(session).budget)
  }
}

extension Hold {
  /// Whether there is anything that its credits are set aside in.
  fileprivate var isPaid: Bool { session != nil || !budgets.isEmpty }
}

extension HoldRequest {
  /// The budgets that pay besides the session, which pays from its own.
  fileprivate func budgets(besides own: BudgetID?) -> [BudgetID] {
    budgets.filter { $0 != own }
  }
}

extension LedgerBatch.CreditGate {
  /// Whether nothing at all is known of what the call will cost: then it runs alone (contract
  /// session-limits, 8.1).
  fileprivate func isGuess(_ request: HoldRequest, _ budget: SharedBudget) -> Bool {
    request.credits == nil && (session?.window.dearestCall ?? .zero) == .zero
      && budget.dearestCall(of: nil) == nil
  }

  /// What a call without an estimate is taken for under a budget.
  fileprivate func guess(_ request: HoldRequest, _ budget: SharedBudget) -> NanoCredits {
    request.credits == nil ? budget.dearestCall(of: nil) ?? .zero : .zero
  }

  /// Adds a cap. Where the cost is known it has to fit; else anything has to be left.
  fileprivate mutating func add(
    _ budget: BudgetID?, limit: NanoCredits, used: NanoCredits, reserved: NanoCredits,
    asked: NanoCredits?, isAlone: Bool = false
  ) {
    let rest = Int128(limit.rawValue) - Int128(used.rawValue) - Int128(reserved.rawValue)
    let isBehindOthers = isAlone && reserved > .zero
    if rest > 0, Int128(asked?.rawValue ?? 0) <= rest, !isBehindOthers { return }
    violations.append(
      CreditViolation(budget: budget, limit: limit, used: used, reserved: reserved))
  }
}
