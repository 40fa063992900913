internal import QuotaModel
internal import QuotaService

extension NaiveSessions {
  mutating func admit(_ request: CallRequest, to place: Int) -> SessionOutcome {
    let session = sessions[place]
    if let turn = session.admitted[request.call] {
      return outcome(.admitted(request.call, turn: turn), place)
    }
    guard session.isOpen else { return .failed(.sessionClosed) }
    if let user = session.opening.user, let limit = dailyLimits[user],
      tokens(of: user, on: now) >= limit
    {
      return outcome(request.turn == nil ? .quotaExhausted : .dropped, place)
    }
    if session.limit != nil, request.isUnpriced, request.refusesUnpriced {
      return outcome(request.turn == nil ? .unpriced : .dropped, place)
    }
    if let limit = session.limit, session.used >= limit {
      return ask(place, used: session.used, limit: limit, isShared: false)
    }
    if let (limit, used, _) = budget(of: place), used >= limit {
      return ask(place, used: used, limit: limit, isShared: true)
    }
    guard hasRoom(place), mayGuess(request, place) else { return outcome(.mustWait, place) }
    return letIn(request, place)
  }

  /// The rule of 8.1, which no call may start without.
  private func hasRoom(_ place: Int) -> Bool {
    let session = sessions[place]
    if let limit = session.limit, session.used + session.reserved >= limit { return false }
    guard let (limit, used, reserved) = budget(of: place) else { return true }
    return used + reserved < limit
  }

  /// Under a shared budget nothing runs beside a call of which no cost is known.
  private func mayGuess(_ request: CallRequest, _ place: Int) -> Bool {
    guard request.estimate == nil, let budget = budget(of: place), budget.reserved > 0 else {
      return true
    }
    return !costs(of: request.model, sharedBy: place).isEmpty
  }

  /// What the calls of a model cost, in all sessions of a session's budget.
  private func costs(of model: ModelName?, sharedBy place: Int) -> [Int64] {
    guard let budget = sessions[place].opening.budget else { return [] }
    return sessions.filter { $0.opening.budget == budget }.flatMap(\.usages)
      .filter { model == nil || $0.report.model == model }.compactMap { $0.cost.amount?.rawValue }
  }

  private func budget(of place: Int) -> (limit: Int64, used: Int64, reserved: Int64)? {
    guard let id = sessions[place].opening.budget, let limit = budgets[id] else { return nil }
    return (limit, used(of: id), reserved(of: id))
  }

  private mutating func letIn(_ request: CallRequest, _ place: Int) -> SessionOutcome {
    let shared = costs(of: request.model, sharedBy: place).max() ?? 0
    let dearest = max(sessions[place].dearest, shared)
    let amount = request.estimate ?? request.fallback
    let guess = request.estimate == nil && dearest > 0 ? dearest : amount.rawValue
    let turn = request.turn == nil ? nil : sessions[place].turns + 1
    sessions[place].turns = turn ?? sessions[place].turns
    sessions[place].admitted[request.call] = .some(turn)
    sessions[place].calls.append(
      Call(
        id: request.call, reservation: max(1, guess), startedAt: now,
        expiresAt: Moment(
          microseconds: now.microseconds + request.timeToLiveSeconds * 1_000_000),
        isOwn: turn != nil))
    return outcome(.admitted(request.call, turn: turn), place)
  }

  private mutating func ask(
    _ place: Int, used: Int64, limit: Int64, isShared: Bool
  ) -> SessionOutcome {
    let isNew = sessions[place].question == nil
    if isNew { questionCount += 1 }
    let question =
      sessions[place].question
      ?? Question(number: questionCount, isShared: isShared, used: used, limit: limit)
    sessions[place].question = question
    return outcome(
      .exhausted(
        used: question.used, limit: question.limit, isShared: question.isShared, isNew: isNew),
      place)
  }

  mutating func endCall(_ call: StepID, of place: Int) {
    sessions[place].calls.removeAll { $0.id == call }
  }

  mutating func endCall(_ outcome: CallOutcome, of place: Int) {
    if var usage = outcome.usage, !sessions[place].usages.contains(where: { $0.id == usage.id }) {
      usage.call = outcome.call
      count(usage, of: place)
    }
    endCall(outcome.call, of: place)
    if let text = outcome.message?.text, !text.isEmpty { sessions[place].texts.append(text) }
    if let text = outcome.error?.text, !text.isEmpty { sessions[place].texts.append(text) }
  }

  mutating func recordUsage(_ usage: CallUsage, of place: Int) -> SessionOutcome {
    if let first = sessions[place].usages.first(where: { $0.id == usage.id }) {
      if let member = usage.firstDifference(from: first.report) { return .conflict(member) }
      return outcome(.recorded(first.cost, isDuplicate: true), place)
    }
    let cost = count(usage, of: place)
    return outcome(.recorded(cost, isDuplicate: false), place)
  }

  @discardableResult
  mutating func count(_ usage: CallUsage, of place: Int) -> CallCost {
    let cost = usage.naiveCost
    sessions[place].usages.append(
      Usage(
        id: usage.id, report: usage, cost: cost, counted: counted(usage, cost, of: place),
        window: sessions[place].window, happenedAt: now))
    if let call = usage.call { endCall(call, of: place) }
    return cost
  }

  private mutating func counted(_ usage: CallUsage, _ cost: CallCost, of place: Int) -> Int64 {
    guard let id = usage.call else { return cost.amount?.rawValue ?? 0 }
    if let amount = cost.amount?.rawValue {
      return max(0, amount - (sessions[place].lost.removeValue(forKey: id) ?? 0))
    }
    guard usage.isLost, let call = sessions[place].calls.first(where: { $0.id == id }) else {
      return 0
    }
    if !call.isOwn { sessions[place].lost[id] = call.reservation }
    return call.reservation
  }
}

extension CallUsage {
  /// What the upstream says, or the price table, or nobody.
  fileprivate var naiveCost: CallCost {
    if let cost { return .stated(cost) }
    guard let price, let tokens else { return .unavailable }
    let read = tokens.cacheRead?.rawValue ?? 0
    let input = tokens.input?.rawValue ?? (tokens.output == nil ? tokens.total.rawValue : 0)
    let sum =
      (input - read) * price.input.rawValue + read * price.cacheRead.rawValue
      + (tokens.output?.rawValue ?? 0) * price.output.rawValue
    let nano = sum / price.batchSize + (sum % price.batchSize == 0 ? 0 : 1)
    return NanoCredits(nano).map { .priced($0, price) } ?? .unavailable
  }

  fileprivate func firstDifference(from first: CallUsage) -> String? {
    if model != first.model { return "model" }
    if cost != first.cost { return "nano_aiu" }
    if tokens?.input != first.tokens?.input { return "input_tokens" }
    if tokens?.output != first.tokens?.output { return "output_tokens" }
    if tokens?.cacheRead != first.tokens?.cacheRead { return "cache_read_tokens" }
    if tokens?.cacheWrite != first.tokens?.cacheWrite { return "cache_write_tokens" }
    if agent != first.agent { return "agent_id" }
    return call == first.call ? nil : "reservation_id"
  }
}
