internal import Projections
internal import QuotaModel

extension LedgerBatch {
  mutating func decide(
    _ command: SessionCommand, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    switch command {
    case .start(let opening): return try start(opening, submission)
    case .setBudget(let budget, let limit, let access):
      return try setBudget(budget, limit, access, submission)
    case .releaseLostCalls: return try releaseLostCalls()
    case .resume(let address, _), .setLimit(let address, _, change: _), .setModel(let address, _),
      .receive(let address, _, text: _), .admit(let address, _), .endCall(let address, _),
      .recordUsage(let address, _), .drop(let address, _, _), .abort(let address),
      .fail(let address, _, text: _), .answer(let address, request: _, _), .clear(let address),
      .close(let address, _), .delete(let address), .noteIgnored(let address, _):
      guard let session = try session(at: address) else { return .failed(.unknownSession) }
      return try decide(command, on: session, submission)
    }
  }

  private mutating func decide(
    _ command: SessionCommand, on session: Session, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let ref = session.ref
    switch command {
    case .resume(_, let resumption): return try resume(session, resumption, submission)
    case .setLimit(_, let update, let change):
      return try setLimit(of: session, update, change: change, submission)
    case .setModel(_, let model):
      if session.model == model { return .session(SessionAnswer(session, .unchanged)) }
      try tell(.modelChanged(model), in: ref, submission)
    case .receive(_, let message, let text):
      guard session.phase == .open else { return .failed(.sessionClosed) }
      try tell(.messageReceived(message), in: ref, submission, text: text)
    case .admit(let address, let request):
      if let budget = session.budget, try !isUsable(budget, by: address.viewer) {
        return .failed(.unknownBudget)
      }
      return try admit(request, to: session, submission)
    case .endCall(_, let outcome): return try endCall(outcome, of: session, submission)
    case .recordUsage(_, let usage): return try recordUsage(usage, of: session, submission)
    case .drop(_, let call, let warning):
      try tell(.callEnded(call, .dropped), in: ref, submission)
      if let warning { try tell(.warned(warning), in: ref, submission) }
    case .abort:
      try cancelRequest(of: session, submission)
      try tell(.aborted, in: ref, submission)
    case .fail(_, let error, let text):
      try tell(.failed(error), in: ref, submission, text: text)
    case .noteIgnored(_, let options):
      for option in options { try noteIgnored(option, ref, submission) }
    case .answer(_, let request, let answer):
      return try self.answer(request, answer, in: session, submission)
    case .clear: return try clear(session, submission)
    case .close(_, let closing): return try close(session, closing, submission)
    case .delete:
      try delete(session, submission)
      return try answer(.done, about: session.ref)
    case .start, .setBudget, .releaseLostCalls: preconditionFailure("decided before")
    }
    return try answer(.done, about: ref)
  }

  private mutating func noteIgnored(
    _ option: CallMark, _ ref: SessionRef, _ submission: Submission
  ) throws(StoreFailure) {
    let told = try current(ref).ignoredOptions
    guard !told.contains(option), told.count < Session.maximumIgnoredOptionCount else { return }
    try tell(.optionIgnored(option), in: ref, submission)
  }

  // MARK: Beginning and taking up

  private mutating func start(
    _ opening: SessionOpening, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let session = try session(named: opening.id) {
      guard opening.viewer.sees(session) else { return .failed(.sessionOfAnother) }
      return try startAgain(session, opening, submission)
    }
    if let user = opening.user, try account(user)?.account.isActive != true {
      return .failed(.unknownUser)
    }
    if let budget = opening.budget, try !isUsable(budget, by: opening.viewer) {
      return .failed(.unknownBudget)
    }
    let limit: NanoCredits? = if case .set(let limit) = opening.limit { limit } else { nil }
    let start = SessionStart(
      id: opening.id, user: opening.user, seed: System.randomEntry(), model: opening.model,
      limit: limit, budget: opening.budget)
    let ref = SessionRef(fold.state.position.next)
    try tell(.sessionStarted(start), in: ref, submission, text: opening.text)
    return try answer(.done, about: ref)
  }

  private mutating func startAgain(
    _ session: Session, _ opening: SessionOpening, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    switch opening.whenItExists {
    case .compare:
      if let member = try difference(of: opening, from: session) {
        return .failed(.sessionConflict(member: member))
      }
    case .attach:
      if opening.limit != .keep {
        try changeLimit(of: session, opening.limit, change: nil, submission)
      }
      if session.phase == .closed {
        let resume = SessionResume(limit: try current(session.ref).limit, wasActive: false)
        try tell(.session(session.ref, .resumed(resume)), in: session.ref, submission)
      }
    }
    return try answer(.existed, about: session.ref)
  }

  /// The first member in which a session was begun otherwise.
  private mutating func difference(
    of opening: SessionOpening, from session: Session
  ) throws(StoreFailure) -> String? {
    guard case .sessionStarted(let start) = try event(at: session.ref.position)?.fact else {
      return "session_id"
    }
    let limit: NanoCredits? = if case .set(let limit) = opening.limit { limit } else { nil }
    if opening.user != start.user { return "user" }
    if limit != start.limit { return "session_limits" }
    return opening.budget == start.budget ? nil : "budget_id"
  }

  private mutating func resume(
    _ session: Session, _ resumption: SessionResumption, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let ref = session.ref
    let isChange = Self.limit(of: session, after: resumption.limit) != session.limit
    if !resumption.isSilent || session.phase == .closed {
      let limit = Self.limit(of: session, after: resumption.limit)
      let resume = SessionResume(limit: limit, wasActive: resumption.wasActive)
      try tell(.resumed(resume), in: ref, submission)
    }
    if isChange { try changeLimit(of: session, resumption.limit, change: nil, submission) }
    if let model = resumption.model, model != session.model {
      try tell(.modelChanged(model), in: ref, submission)
    }
    return try answer(.done, about: ref)
  }

  // MARK: Caps

  private mutating func setLimit(
    of session: Session, _ update: CapUpdate, change: StepID?, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let change, let earlier = try earlierStep(SessionKey(.change, change.description), session) {
      let new = Self.limit(of: session, after: update)
      guard case .session(_, .limitChanged(let first)) = earlier.fact,
        update == .keep || first.new == new
      else {
        return earlier.conflict(in: "session_limits")
      }
      return try answer(.unchanged, about: session.ref)
    }
    if Self.limit(of: session, after: update) == session.limit {
      // A repetition must find that there was a first time, whatever the cap is by then.
      if let change, !change.isOwn {
        let fact = SessionLimitChange(old: session.limit, new: session.limit, change: change)
        try tell(.limitChanged(fact), in: session.ref, submission)
      }
      return try answer(.unchanged, about: session.ref)
    }
    try changeLimit(of: session, update, change: change, submission)
    return try answer(.done, about: session.ref)
  }

  private static func limit(of session: Session, after update: CapUpdate) -> NanoCredits? {
    switch update {
    case .keep: session.limit
    case .remove: nil
    case .set(let limit): limit
    }
  }

  /// Changes a cap where it differs. An open question about the session's own cap is answered by that.
  private mutating func changeLimit(
    of session: Session, _ update: CapUpdate, change: StepID?, _ submission: Submission
  ) throws(StoreFailure) {
    let new = Self.limit(of: session, after: update)
    guard new != session.limit else { return }
    if let request = session.request, request.budget == nil {
      let answer = new.map { ExhaustionAnswer.set($0) } ?? .unset
      try tell(.exhaustionAnswered(request.id, answer), in: session.ref, submission)
    }
    let fact = SessionLimitChange(old: session.limit, new: new, change: change)
    try tell(.limitChanged(fact), in: session.ref, submission)
  }

  private mutating func answer(
    _ request: String, _ answer: ExhaustionAnswer, in session: Session, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard let open = session.request, open.id.description == request else {
      return .session(SessionAnswer(session, .tooLate))
    }
    if open.budget != nil, answer != .cancel { return .failed(.answerNotYours) }
    guard let limit = session.limit(after: answer) else { return .failed(.creditsOverflow) }
    try tell(.exhaustionAnswered(open.id, answer), in: session.ref, submission)
    if answer != .cancel {
      let change = SessionLimitChange(old: session.limit, new: limit)
      try tell(.limitChanged(change), in: session.ref, submission)
    }
    return try self.answer(.done, about: session.ref)
  }

  // MARK: Ending

  private mutating func clear(
    _ session: Session, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard session.calls.isEmpty else { return .failed(.callInFlight) }
    try cancelRequest(of: session, submission)
    try tell(.windowStarted(session.window.number &+ 1), in: session.ref, submission)
    return try answer(.done, about: session.ref)
  }

  private mutating func close(
    _ session: Session, _ closing: SessionClosing, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if session.phase == .closed { return .session(SessionAnswer(session, .unchanged)) }
    try cancelRequest(of: session, submission)
    try loseCalls(of: session, submission)
    try tell(.closed(closing), in: session.ref, submission)
    return try answer(.done, about: session.ref)
  }

  mutating func delete(
    _ session: Session, _ submission: Submission
  ) throws(StoreFailure) {
    try cancelRequest(of: session, submission)
    try loseCalls(of: session, submission)
    try tell(.deleted, in: session.ref, submission)
  }

  /// T10 and T11: whatever ends the wait counts as "cancel".
  private mutating func cancelRequest(
    of session: Session, _ submission: Submission
  ) throws(StoreFailure) {
    guard let request = session.request else { return }
    try tell(.exhaustionAnswered(request.id, .cancel), in: session.ref, submission)
  }

  private mutating func loseCalls(
    of session: Session, _ submission: Submission
  ) throws(StoreFailure) {
    for call in session.calls { try lose(call, in: session.ref, .aborted, submission) }
  }

  // MARK: Shared budgets

  /// Whether somebody may spend from a budget; for others it does not exist.
  private mutating func isUsable(
    _ id: BudgetID, by viewer: SessionViewer
  ) throws(StoreFailure) -> Bool {
    guard let budget = try budget(id) else { return false }
    guard case .user(let user) = viewer else { return true }
    return budget.access.includes(user) || settings.budgetsOfUsers[user] == id
  }

  private mutating func setBudget(
    _ id: BudgetID, _ limit: NanoCredits, _ access: BudgetAccess?, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let before = try budget(id)
    let newAccess = access == before?.access ? nil : access
    if let before, before.limit == limit, newAccess == nil {
      return .budget(before, isNew: false)
    }
    let change = BudgetChange(budget: id, old: before?.limit, new: limit, access: newAccess)
    _ = try record(.budgetChanged(change), for: submission, withRequestID: false)
    guard let budget = try budget(id) else { return .failed(.unknownBudget) }
    if !budget.isExhausted {
      // Room was made: that is the answer to everybody who asks.
      for ref in budget.asking {
        guard let request = try current(ref).request else { continue }
        try tell(.exhaustionAnswered(request.id, .set(limit)), in: ref, submission)
      }
    }
    return .budget(try self.budget(id) ?? budget, isNew: before == nil)
  }

  private mutating func releaseLostCalls() throws(StoreFailure) -> Answer {
    let refs = try usingProjection(
      store.generation.read { (snapshot) throws(ProjectionFailure) in
        try snapshot.sessionsWithOpenCalls()
      })
    for ref in refs {
      for call in try current(ref).calls where call.isOwn { try lose(call, in: ref, .lost) }
    }
    return .unchanged
  }

  /// Ends reservations whose time has come; answers whether those were all.
  mutating func expireCalls() throws(StoreFailure) -> Bool {
    let limit = Self.maximumDueCount
    let due = try usingProjection(fold.expiredCalls(at: now, limit: limit))
    for (ref, position) in due {
      guard let call = try current(ref).calls.first(where: { $0.admittedAt == position }) else {
        continue
      }
      try lose(call, in: ref, .expired)
    }
    return due.count < limit
  }
}
