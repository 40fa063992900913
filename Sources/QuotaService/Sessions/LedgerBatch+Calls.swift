internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// The gate before a model call (contract session-limits, 2.1 and 8.1).
  mutating func admit(
    _ request: CallRequest, to session: Session, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let verdict = try earlierVerdict(on: request, session) { return verdict }
    guard session.phase == .open else { return .failed(.sessionClosed) }
    if let answer = try refuseForUser(request, session, submission) { return answer }
    if session.limit != nil, request.isUnpriced, let model = request.model {
      if request.refusesUnpriced { return try refuseUnpriced(request, model, session, submission) }
      if request.turn != nil { try warn(ofUnpriced: model, session.ref, submission) }
    }
    let budget = try session.budget.map { (id) throws(StoreFailure) in try self.budget(id) } ?? nil
    switch session.verdict(
      estimate: request.estimate, fallback: request.fallback, budget: budget,
      model: request.model, inputCost: request.inputCost)
    {
    case .mustWait: return .session(SessionAnswer(session, .mustWait))
    case .exhausted(let used, let limit, let budget):
      let question = ExhaustionRequest(
        id: System.randomEntry(), used: used, limit: limit, budget: budget)
      return try ask(question, for: request, session, submission)
    case .admitted(let reservation):
      let turn = request.turn == nil ? nil : session.counts.turns &+ 1
      let admission = CallAdmission(
        call: request.call, reservation: reservation,
        expiresAt: Moment(
          microseconds: now.microseconds + request.timeToLiveSeconds * 1_000_000),
        turn: turn, model: request.model)
      try tell(.callAdmitted(admission), in: session.ref, submission)
      return try answer(.admitted(call: request.call, turn: turn), about: session.ref)
    }
  }

  /// The verdict that the same call got before, while it is under way.
  private mutating func earlierVerdict(
    on request: CallRequest, _ session: Session
  ) throws(StoreFailure) -> Answer? {
    let key = SessionKey(.call, request.call.description)
    guard let earlier = try earlierStep(key, session),
      case .session(_, .callAdmitted(let admission)) = earlier.fact
    else { return nil }
    return .session(
      SessionAnswer(session, .admitted(call: admission.call, turn: admission.turn)))
  }

  /// A user whose tokens are used up makes no further call, whatever the session has left.
  private mutating func refuseForUser(
    _ request: CallRequest, _ session: Session, _ submission: Submission
  ) throws(StoreFailure) -> Answer? {
    guard let user = session.user else { return nil }
    guard let entry = try account(user), entry.account.isActive else {
      return .failed(.unknownUser)
    }
    let violations = try violations(of: entry, submission)
    if violations.isEmpty { return nil }
    let refusal = Refusal(
      user: user, estimate: nil, violations: violations, session: session.ref,
      policy: fold.state.policy)
    _ = try record(.spendRefused(refusal), for: submission, withRequestID: false)
    guard request.turn != nil else {
      return .session(SessionAnswer(session, .quotaExhausted(violations)))
    }
    return try drop(request, .quotaReached(violations), session.ref, submission)
  }

  private mutating func refuseUnpriced(
    _ request: CallRequest, _ model: ModelName, _ session: Session, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard request.turn != nil else { return .session(SessionAnswer(session, .unpriced)) }
    let warning = SessionWarning.unknownPrice(model, isRefused: true)
    return try drop(request, warning, session.ref, submission)
  }

  /// T3 and T4: the question is opened, or the open one is joined; a turn that nobody would answer
  /// ends at once.
  private mutating func ask(
    _ question: ExhaustionRequest, for request: CallRequest, _ session: Session,
    _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let isNew = session.request == nil
    let open = session.request ?? question
    if isNew { try tell(.exhaustionRequested(question), in: session.ref, submission) }
    guard let turn = request.turn, !turn.isAnswerable else {
      return try answer(.exhausted(open, isNew: isNew), about: session.ref)
    }
    try tell(.callEnded(request.call, .dropped), in: session.ref, submission)
    try tell(.warned(SessionWarning(open)), in: session.ref, submission)
    return try answer(.exhausted(open, isNew: isNew), about: session.ref)
  }

  private mutating func drop(
    _ request: CallRequest, _ warning: SessionWarning, _ ref: SessionRef, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    try tell(.callEnded(request.call, .dropped), in: ref, submission)
    try tell(.warned(warning), in: ref, submission)
    return try answer(.dropped, about: ref)
  }

  private mutating func warn(
    ofUnpriced model: ModelName, _ ref: SessionRef, _ submission: Submission?
  ) throws(StoreFailure) {
    let warned = try current(ref).warnedModels
    guard !warned.contains(model), warned.count < Session.maximumModelCount else { return }
    try tell(.warned(.unknownPrice(model, isRefused: false)), in: ref, submission)
  }

  // MARK: What a call used

  /// Usage that somebody reports. It happened, so no cap refuses it.
  mutating func recordUsage(
    _ usage: CallUsage, of session: Session, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let key = SessionKey(.usage, usage.id.description)
    if let earlier = try earlierStep(key, session) {
      return try replay(earlier, of: usage, session)
    }
    switch try fact(of: usage, session) {
    case .failure(let failure): return .failed(failure)
    case .success(let fact):
      try count(fact, isUnpriced: usage.price == nil, in: session, submission)
      return try answer(.recorded(fact.cost, isDuplicate: false), about: session.ref)
    }
  }

  /// How a call of a turn ended: what it used, what was said, and the turn's end.
  mutating func endCall(
    _ outcome: CallOutcome, of session: Session, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let ref = session.ref
    let used = try newUsage(of: outcome, session)
    if let used {
      try tell(.usageRecorded(used), in: ref, submission)
    } else if session.call(outcome.call) != nil {
      try tell(.callEnded(outcome.call, outcome.end), in: ref, submission)
    }
    if let message = outcome.message {
      let said = AssistantMessage(
        message: message.id, turn: outcome.turn, outputTokens: used?.tokens?.output,
        model: used?.model)
      try tell(.messageAnswered(said), in: ref, submission, text: message.text)
    }
    if let (error, text) = outcome.error {
      try tell(.failed(error), in: ref, submission, text: text)
    }
    if outcome.isAborted { try tell(.aborted, in: ref, submission) }
    try tell(.turnEnded(outcome.turn), in: ref, submission)
    if let used {
      try checkpoint(
        behind: used, isUnpriced: outcome.usage?.price == nil, session, submission)
    }
    return try answer(.done, about: ref)
  }

  /// What the call used; nil where that was counted before, or does not fit.
  private mutating func newUsage(
    of outcome: CallOutcome, _ session: Session
  ) throws(StoreFailure) -> SessionUsage? {
    guard var usage = outcome.usage,
      try earlierStep(SessionKey(.usage, usage.id.description), session) == nil
    else { return nil }
    // What was kept free for the call that has ended is free again, whatever the usage says.
    usage.call = outcome.call
    guard case .success(let fact) = try fact(of: usage, session) else { return nil }
    return fact
  }

  mutating func count(
    _ usage: SessionUsage, isUnpriced: Bool, in session: Session, _ submission: Submission?
  ) throws(StoreFailure) {
    try tell(.usageRecorded(usage), in: session.ref, submission)
    try checkpoint(behind: usage, isUnpriced: isUnpriced, session, submission)
  }

  /// A checkpoint follows every call that moved the total; one that did not gets none.
  private mutating func checkpoint(
    behind usage: SessionUsage, isUnpriced: Bool, _ before: Session, _ submission: Submission?
  ) throws(StoreFailure) {
    let session = try current(before.ref)
    // Where the model has a price, it is the tokens that nobody told.
    if usage.cost == .unavailable, isUnpriced, session.limit != nil, let model = usage.model {
      try warn(ofUnpriced: model, session.ref, submission)
    }
    guard session.total > before.total else { return }
    let totals = SessionTotals(total: session.total, callCount: session.counts.calls)
    try tell(.checkpointed(totals), in: session.ref, submission)
  }

  mutating func fact(
    of usage: CallUsage, _ session: Session
  ) throws(StoreFailure) -> Result<SessionUsage, CommandFailure> {
    let cost = CallCost(of: usage)
    let estimate = usage.isLost && cost == .unavailable ? estimate(of: usage, session) : nil
    guard session.total.adding(cost.amount ?? estimate ?? .zero) != nil else {
      return .failure(.creditsOverflow)
    }
    if let user = session.user, let total = usage.tokens?.total {
      guard let account = try account(user)?.account, account.lifetime.adding(total) != nil else {
        return .failure(.overflow)
      }
    }
    return .success(
      SessionUsage(
        id: usage.id, user: session.user, call: usage.call,
        sequence: session.counts.calls &+ 1, tokens: usage.tokens, model: usage.model, cost: cost,
        agent: usage.agent, durationMilliseconds: usage.durationMilliseconds,
        finishReason: usage.finishReason, upstreamID: usage.upstreamID, estimate: estimate))
  }

  /// What a lost call is taken for: what is kept free for it.
  private func estimate(of usage: CallUsage, _ session: Session) -> NanoCredits? {
    guard settings.chargesLostCalls else { return nil }
    return usage.call.flatMap { session.call($0) }?.reservation
  }

  /// The first receipt again, or the first member in which the repetition differs.
  private mutating func replay(
    _ event: Event, of usage: CallUsage, _ session: Session
  ) throws(StoreFailure) -> Answer {
    guard case .session(_, .usageRecorded(let first)) = event.fact else {
      return event.conflict(in: "usage_id")
    }
    let stated: NanoCredits? = if case .stated(let cost) = first.cost { cost } else { nil }
    let differences = [
      ("model", usage.model != first.model), ("nano_aiu", usage.cost != stated),
      ("input_tokens", usage.tokens?.input != first.tokens?.input),
      ("output_tokens", usage.tokens?.output != first.tokens?.output),
      ("cache_read_tokens", usage.tokens?.cacheRead != first.tokens?.cacheRead),
      ("cache_write_tokens", usage.tokens?.cacheWrite != first.tokens?.cacheWrite),
      ("agent_id", usage.agent != first.agent), ("reservation_id", usage.call != first.call),
    ]
    if let conflict = event.conflict(differences) { return conflict }
    return .session(SessionAnswer(session, .recorded(first.cost, isDuplicate: true)))
  }
}

extension CallCost {
  /// What the reporter says wins over the price table; what nobody knows is not zero.
  fileprivate init(of usage: CallUsage) {
    if let cost = usage.cost {
      self = .stated(cost)
    } else if let price = usage.price, let tokens = usage.tokens, let cost = price.cost(of: tokens)
    {
      self = .priced(cost, price)
    } else {
      self = .unavailable
    }
  }
}
