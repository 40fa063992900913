internal import QuotaModel
internal import QuotaService

extension NaiveLedger {
  struct RequestKey: Hashable {
    let actor: Actor
    let id: RequestID
  }

  /// What a request with an id caused.
  enum Earlier {
    case usage(UsageReport, of: UserID, at: Moment, Receipt)
    case held(HoldRequest, of: UserID, HoldReceipt)
    case refused(HoldRequest, Refusal, Receipt)
    case settled(HoldID, HoldUsage, Settlement, Receipt)
    case extended(HoldID, seconds: Int64, expiresAt: Moment, Receipt)
    case allowed(Allowance, Receipt)
    case corrected(Position, TokenUsage, Receipt)

    var receipt: Receipt {
      switch self {
      case .usage(_, of: _, at: _, let receipt), .refused(_, _, let receipt),
        .settled(_, _, _, let receipt), .extended(_, _, _, let receipt),
        .allowed(_, let receipt), .corrected(_, _, let receipt):
        receipt
      case .held(_, of: _, let held): held.receipt
      }
    }
  }

  func earlier(_ submission: Submission) -> Earlier? {
    submission.requestID.flatMap { requests[RequestKey(actor: submission.actor, id: $0)] }
  }

  mutating func remember(_ earlier: Earlier, _ submission: Submission) {
    guard let id = submission.requestID else { return }
    requests[RequestKey(actor: submission.actor, id: id)] = earlier
  }

  mutating func recordUsage(_ report: UsageReport, _ submission: Submission) -> Answer {
    if let earlier = earlier(submission) { return replay(earlier, of: report) }
    let moment = report.happenedAt ?? now
    if moment.microseconds > now.microseconds + 300_000_000 {
      return .failed(.inTheFuture(limitSeconds: 300))
    }
    let known = user(report.user).flatMap { users[$0] == nil ? nil : $0 }
    guard let user = known ?? firstSeen(report) else { return .failed(.unknownUser) }
    guard fits(report.usage, of: user) else { return .failed(.overflow) }
    let receipt = record(.tokensSpent)
    spend(report.usage, of: user, at: moment, receipt, submission.actor)
    remember(.usage(report, of: user, at: moment, receipt), submission)
    return .recorded(receipt)
  }

  private mutating func firstSeen(_ report: UsageReport) -> UserID? {
    guard report.registersUnknownUser, case .id(let user) = report.user else { return nil }
    users[user] = User(role: .user)
    record(.userRegistered)
    return user
  }

  private mutating func spend(
    _ usage: TokenUsage, of user: UserID, at moment: Moment, _ receipt: Receipt, _ maker: Actor
  ) {
    users[user]?.spends.append(
      Spent(position: receipt.position, maker: maker, at: moment, tokens: usage.total))
    tellCrossings(by: user)
  }

  func fits(_ usage: TokenUsage, of user: UserID) -> Bool {
    var sum: TokenCount? = usage.total
    for spend in users[user]?.spends ?? [] { sum = sum?.adding(spend.tokens) }
    return sum != nil
  }

  private func replay(_ earlier: Earlier, of report: UsageReport) -> Answer {
    guard case .usage(let first, of: let spender, at: let moment, let receipt) = earlier else {
      return conflict("type", earlier)
    }
    let old = first.usage
    let new = report.usage
    if user(report.user) != spender { return conflict("user", earlier) }
    if new.input != old.input { return conflict("input_tokens", earlier) }
    if new.output != old.output { return conflict("output_tokens", earlier) }
    if new.total != old.total { return conflict("tokens", earlier) }
    if new.cacheRead != old.cacheRead { return conflict("cache_read_tokens", earlier) }
    if new.cacheWrite != old.cacheWrite { return conflict("cache_write_tokens", earlier) }
    if new.reasoning != old.reasoning { return conflict("reasoning_tokens", earlier) }
    if report.model != first.model { return conflict("model", earlier) }
    if let stated = report.happenedAt, stated != moment { return conflict("time", earlier) }
    return .recorded(receipt.repeated)
  }

  func conflict(_ member: String, _ earlier: Earlier) -> Answer {
    .failed(.requestConflict(member: member, position: earlier.receipt.position))
  }

  mutating func check(_ reference: UserReference, _ estimate: TokenCount?) -> Answer {
    guard let user = active(reference) else { return .failed(.unknownUser) }
    let standing = standing(of: user)
    let violations = violations(standing, estimate)
    if violations.contains(where: { $0.mode != .shadow }) {
      let refusal = Refusal(
        user: user, estimate: estimate, violations: violations, policy: policy)
      return .refused(refusal, record(.spendRefused), standing)
    }
    if !violations.isEmpty { record(.spendShadowed) }
    return .granted(standing, position: position)
  }

  /// Every limit that leaves no room, by the rule of its mode.
  private func violations(_ standing: Standing, _ estimate: TokenCount?) -> [Violation] {
    Period.allCases.compactMap { period in
      let limit = standing.policy.limits[period]
      let mode = standing.policy.modes[period]
      if limit.isUnlimited { return nil }
      let rest =
        Int128(limit.rawValue) - Int128(standing.used[period].rawValue)
        - Int128(standing.reserved.rawValue)
      let asked = mode == .soft ? 0 : Int128(estimate?.rawValue ?? 0)
      if rest > 0, asked <= rest { return nil }
      return Violation(
        period: period, limit: limit, used: standing.used[period],
        reserved: standing.reserved, mode: mode)
    }
  }

  mutating func hold(_ request: HoldRequest, _ submission: Submission) -> Answer {
    if let earlier = earlier(submission) { return replay(earlier, of: request) }
    guard let user = active(request.user) else { return .failed(.unknownUser) }
    guard reserved(by: user).adding(request.estimate) != nil else { return .failed(.overflow) }
    var standing = standing(of: user)
    let violations = violations(standing, request.estimate)
    if violations.contains(where: { $0.mode != .shadow }) {
      let refusal = Refusal(
        user: user, estimate: request.estimate, violations: violations, policy: policy,
        timeToLiveSeconds: request.timeToLiveSeconds)
      let receipt = record(.spendRefused)
      remember(.refused(request, refusal, receipt), submission)
      return .refused(refusal, receipt, standing)
    }
    if !violations.isEmpty { record(.spendShadowed) }
    let end = Moment(microseconds: now.microseconds + request.timeToLiveSeconds * 1_000_000)
    let hold = Hold(user: user, tokens: request.estimate, expiresAt: end)
    let receipt = record(.spendHeld)
    standing.reserved = standing.reserved.adding(request.estimate) ?? .maximum
    holds[HoldID(receipt.position)] = SetAside(
      hold: hold, startedAt: now, maker: submission.actor)
    remember(.held(request, of: user, HoldReceipt(hold, receipt: receipt)), submission)
    return .held(HoldReceipt(hold, receipt: receipt, standing: standing))
  }

  private func replay(_ earlier: Earlier, of request: HoldRequest) -> Answer {
    switch earlier {
    case .usage, .settled, .extended, .allowed, .corrected: return conflict("type", earlier)
    case .held(let first, of: let holder, var held):
      if user(request.user) != holder { return conflict("user", earlier) }
      if request.estimate != first.estimate { return conflict("estimate", earlier) }
      if request.timeToLiveSeconds != first.timeToLiveSeconds {
        return conflict("ttl_seconds", earlier)
      }
      held.receipt = held.receipt.repeated
      return .held(held)
    case .refused(let first, let refusal, let receipt):
      if user(request.user) != refusal.user { return conflict("user", earlier) }
      if request.estimate != first.estimate { return conflict("estimate", earlier) }
      if request.timeToLiveSeconds != first.timeToLiveSeconds {
        return conflict("ttl_seconds", earlier)
      }
      return .refused(refusal, receipt.repeated, nil)
    }
  }

  mutating func settle(_ id: HoldID, _ used: HoldUsage, _ submission: Submission) -> Answer {
    if let earlier = earlier(submission) { return replay(earlier, ofSettling: id, used) }
    if let failure = obstacle(to: id, submission.actor) { return .failed(failure) }
    guard let hold = holds[id], hold.end == nil || hold.end?.how == .expired else {
      return ended(id)
    }
    guard fits(used.usage, of: hold.hold.user) else { return .failed(.overflow) }
    let receipt = record(used.isFinal ? .holdSettled : .holdDrawn)
    let isLate = hold.end != nil
    let total = used.usage.total
    let settlement = Settlement(
      spend: Spend(user: hold.hold.user, usage: used.usage, model: used.model),
      overage: TokenCount(max(0, total.rawValue - hold.hold.tokens.rawValue)) ?? .zero,
      isLate: isLate)
    if used.isFinal {
      holds[id]?.end = (isLate ? .settledLate : .settled, receipt.position)
    } else if !isLate {
      holds[id]?.hold.tokens =
        TokenCount(max(0, hold.hold.tokens.rawValue - total.rawValue)) ?? .zero
    }
    spend(used.usage, of: hold.hold.user, at: now, receipt, submission.actor)
    remember(.settled(id, used, settlement, receipt), submission)
    let rest = used.isFinal || isLate ? nil : holds[id]?.hold.tokens
    return .settled(SettlementReceipt(receipt: receipt, settlement: settlement, rest: rest))
  }

  private func replay(
    _ earlier: Earlier, ofSettling id: HoldID, _ used: HoldUsage
  ) -> Answer {
    guard case .settled(let hold, let first, let settlement, let receipt) = earlier else {
      return conflict("type", earlier)
    }
    if id != hold { return conflict("hold", earlier) }
    if used.usage.input != first.usage.input { return conflict("input_tokens", earlier) }
    if used.usage.output != first.usage.output { return conflict("output_tokens", earlier) }
    if used.usage != first.usage { return conflict("tokens", earlier) }
    if used.model != first.model { return conflict("model", earlier) }
    if used.isFinal != first.isFinal { return conflict("final", earlier) }
    return .settled(
      SettlementReceipt(receipt: receipt.repeated, settlement: settlement, rest: nil))
  }

  mutating func extend(_ id: HoldID, seconds: Int64, _ submission: Submission) -> Answer {
    if let earlier = earlier(submission) {
      guard case .extended(let hold, let first, let end, let receipt) = earlier else {
        return conflict("type", earlier)
      }
      if hold != id { return conflict("hold", earlier) }
      if first != seconds { return conflict("ttl_seconds", earlier) }
      return .extended(expiresAt: end, receipt.repeated)
    }
    if let failure = obstacle(to: id, submission.actor) { return .failed(failure) }
    if holds[id]?.end != nil { return ended(id) }
    let end = Moment(microseconds: now.microseconds + seconds * 1_000_000)
    holds[id]?.hold.expiresAt = end
    holds[id]?.startedAt = now
    let receipt = record(.holdExtended)
    remember(.extended(id, seconds: seconds, expiresAt: end, receipt), submission)
    return .extended(expiresAt: end, receipt)
  }

  private func ended(_ id: HoldID) -> Answer {
    guard let end = holds[id]?.end else { return .failed(.unknownHold) }
    return .failed(.holdEnded(end.how, at: end.at))
  }

  mutating func void(_ id: HoldID, _ actor: Actor) -> Answer {
    if let failure = obstacle(to: id, actor) { return .failed(failure) }
    switch holds[id]?.end?.how {
    case nil:
      let receipt = record(.holdVoided)
      holds[id]?.end = (.voided, receipt.position)
      return .recorded(receipt)
    case .voided, .expired: return .unchanged
    case .settled, .settledLate: return ended(id)
    }
  }

  private func obstacle(to id: HoldID, _ actor: Actor) -> CommandFailure? {
    guard let hold = holds[id] else { return .unknownHold }
    guard hold.maker != actor, case .user(let user) = actor else { return nil }
    return users[user]?.role == .staff ? nil : .foreignHold
  }
}

extension Receipt {
  var repeated: Receipt {
    Receipt(position: position, recordedAt: recordedAt, isReplayed: true)
  }
}
