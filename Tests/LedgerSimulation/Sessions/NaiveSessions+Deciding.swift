internal import QuotaModel
internal import QuotaService

extension NaiveSessions {
  mutating func decide(_ command: SessionCommand) -> SessionOutcome {
    switch command {
    case .start(let opening): start(opening)
    case .setBudget(let budget, let limit, let access):
      setBudget(budget, limit.rawValue, access)
    case .releaseLostCalls: releaseLostCalls()
    case .resume(let address, _), .setLimit(let address, _, change: _), .setModel(let address, _),
      .receive(let address, _, text: _), .admit(let address, _), .endCall(let address, _),
      .recordUsage(let address, _), .drop(let address, _, _), .abort(let address),
      .fail(let address, _, text: _), .answer(let address, request: _, _), .clear(let address),
      .close(let address, _), .delete(let address), .noteIgnored(let address, _):
      decide(command, at: address)
    }
  }

  private mutating func decide(
    _ command: SessionCommand, at address: SessionAddress
  ) -> SessionOutcome {
    guard let place = place(of: address.id), sees(address.viewer, place) else {
      return .failed(.unknownSession)
    }
    switch command {
    case .resume(_, let resumption): return resume(place, resumption)
    case .setLimit(_, let update, let change): return setLimit(of: place, update, change)
    case .setModel(_, let model): return setModel(of: place, model)
    case .receive(_, _, let text):
      guard sessions[place].isOpen else { return .failed(.sessionClosed) }
      say(text, in: place)
    case .fail(_, _, let text): say(text, in: place)
    case .admit(_, let request):
      if let budget = sessions[place].opening.budget, !mayUse(budget, address.viewer) {
        return .failed(.unknownBudget)
      }
      return admit(request, to: place)
    case .endCall(_, let outcome): endCall(outcome, of: place)
    case .recordUsage(_, let usage): return recordUsage(usage, of: place)
    case .drop(_, let call, _): endCall(call, of: place)
    case .abort: sessions[place].question = nil
    case .answer(_, let request, let answer): return self.answer(request, answer, of: place)
    case .clear: return clear(place)
    case .close: return close(place)
    case .noteIgnored: break
    case .delete:
      end(place)
      sessions[place].isDeleted = true
    case .start, .setBudget, .releaseLostCalls: break
    }
    return outcome(.done, place)
  }

  func outcome(_ result: SessionOutcome.Result, _ place: Int) -> SessionOutcome {
    .session(result, figures(of: place))
  }

  private func sees(_ viewer: SessionViewer, _ place: Int) -> Bool {
    switch viewer {
    case .everybody: true
    case .user(let user): sessions[place].opening.user == user
    }
  }

  private mutating func say(_ text: [UInt8], in place: Int) {
    if !text.isEmpty { sessions[place].texts.append(text) }
  }

  private mutating func start(_ opening: SessionOpening) -> SessionOutcome {
    guard let place = place(of: opening.id) else { return begin(opening) }
    guard sees(opening.viewer, place) else { return .failed(.sessionOfAnother) }
    switch opening.whenItExists {
    case .attach:
      change(limitOf: place, to: limit(of: place, after: opening.limit))
      sessions[place].isOpen = true
    case .compare:
      let first = sessions[place].opening
      if opening.user != first.user { return .failed(.sessionConflict(member: "user")) }
      if opening.limit.amount != first.limit.amount {
        return .failed(.sessionConflict(member: "session_limits"))
      }
      if opening.budget != first.budget { return .failed(.sessionConflict(member: "budget_id")) }
    }
    return outcome(.existed, place)
  }

  private mutating func begin(_ opening: SessionOpening) -> SessionOutcome {
    if let budget = opening.budget, !mayUse(budget, opening.viewer) {
      return .failed(.unknownBudget)
    }
    var session = Session(opening: opening)
    session.limit = opening.limit.amount
    session.model = opening.model
    sessions.append(session)
    say(opening.text, in: sessions.count - 1)
    return outcome(.done, sessions.count - 1)
  }

  private mutating func resume(_ place: Int, _ resumption: SessionResumption) -> SessionOutcome {
    sessions[place].isOpen = true
    change(limitOf: place, to: limit(of: place, after: resumption.limit))
    return outcome(.done, place)
  }

  private mutating func setModel(of place: Int, _ model: ModelName) -> SessionOutcome {
    if sessions[place].model == model { return outcome(.unchanged, place) }
    sessions[place].model = model
    return outcome(.done, place)
  }

  private mutating func setLimit(
    of place: Int, _ update: CapUpdate, _ change: StepID?
  ) -> SessionOutcome {
    let new = limit(of: place, after: update)
    if let change, let first = sessions[place].changes[change] {
      return update == .keep || first == new
        ? outcome(.unchanged, place) : .conflict("session_limits")
    }
    if let change { sessions[place].changes[change] = .some(new) }
    if new == sessions[place].limit { return outcome(.unchanged, place) }
    self.change(limitOf: place, to: new)
    return outcome(.done, place)
  }

  private func limit(of place: Int, after update: CapUpdate) -> Int64? {
    update == .keep ? sessions[place].limit : update.amount
  }

  /// T9: another cap answers a question about the session's own.
  private mutating func change(limitOf place: Int, to limit: Int64?) {
    if sessions[place].limit == limit { return }
    sessions[place].limit = limit
    if sessions[place].question?.isShared == false { sessions[place].question = nil }
  }

  private mutating func answer(
    _ request: String, _ answer: ExhaustionAnswer, of place: Int
  ) -> SessionOutcome {
    guard let question = sessions[place].question, questionNumbers[request] == question.number
    else { return outcome(.tooLate, place) }
    if question.isShared, answer != .cancel { return .failed(.answerNotYours) }
    sessions[place].question = nil
    switch answer {
    case .add(let amount): sessions[place].limit = (sessions[place].limit ?? 0) + amount.rawValue
    case .set(let amount): sessions[place].limit = amount.rawValue
    case .unset: sessions[place].limit = nil
    case .cancel: break
    }
    return outcome(.done, place)
  }

  private mutating func clear(_ place: Int) -> SessionOutcome {
    guard sessions[place].calls.isEmpty else { return .failed(.callInFlight) }
    sessions[place].question = nil
    sessions[place].window += 1
    return outcome(.done, place)
  }

  private mutating func close(_ place: Int) -> SessionOutcome {
    guard sessions[place].isOpen else { return outcome(.unchanged, place) }
    end(place)
    sessions[place].isOpen = false
    return outcome(.done, place)
  }

  private mutating func end(_ place: Int) {
    sessions[place].question = nil
    for call in sessions[place].calls { lose(call, of: place) }
  }

  private func mayUse(_ budget: BudgetID, _ viewer: SessionViewer) -> Bool {
    guard budgets[budget] != nil else { return false }
    guard case .user(let user) = viewer else { return true }
    switch budgetAccesses[budget] {
    case nil: return false
    case .open: return true
    case .members(let members): return members.contains(user)
    }
  }

  private mutating func setBudget(
    _ id: BudgetID, _ limit: Int64, _ access: BudgetAccess?
  ) -> SessionOutcome {
    let isNew = budgets[id] == nil
    budgets[id] = limit
    if let access { budgetAccesses[id] = access }
    if used(of: id) < limit {
      for place in sessions.indices where sessions[place].opening.budget == id {
        if sessions[place].question?.isShared == true { sessions[place].question = nil }
      }
    }
    return .budget(limit: limit, used: used(of: id), reserved: reserved(of: id), isNew: isNew)
  }

  private mutating func releaseLostCalls() -> SessionOutcome {
    for place in sessions.indices {
      for call in sessions[place].calls where call.isOwn { lose(call, of: place) }
    }
    return .nothing
  }
}

extension CapUpdate {
  fileprivate var amount: Int64? {
    if case .set(let limit) = self { limit.rawValue } else { nil }
  }
}
