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
    guard hasRoom(place) else { return outcome(.mustWait, place) }
    return letIn(request, place)
  }

  /// The rule of 8.1, which no call may start without.
  private func hasRoom(_ place: Int) -> Bool {
    let session = sessions[place]
    if let limit = session.limit, session.used + session.reserved >= limit { return false }
    guard let (limit, used, reserved) = budget(of: place) else { return true }
    return used + reserved < limit
  }

  private func budget(of place: Int) -> (limit: Int64, used: Int64, reserved: Int64)? {
    guard let id = sessions[place].opening.budget, let limit = budgets[id] else { return nil }
    return (limit, used(of: id), reserved(of: id))
  }

  private mutating func letIn(_ request: CallRequest, _ place: Int) -> SessionOutcome {
    let dearest = sessions[place].dearest
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
    endCall(outcome.call, of: place)
    if var usage = outcome.usage, !sessions[place].usages.contains(where: { $0.id == usage.id }) {
      usage.call = outcome.call
      count(usage, of: place)
    }
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
  private mutating func count(_ usage: CallUsage, of place: Int) -> CallCost {
    let cost = usage.naiveCost
    if let call = usage.call { endCall(call, of: place) }
    sessions[place].usages.append(
      Usage(
        id: usage.id, report: usage, cost: cost, window: sessions[place].window, happenedAt: now))
    return cost
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
