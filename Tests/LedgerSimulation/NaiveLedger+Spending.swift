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
    case settled(HoldID, TokenUsage, ModelName?, Receipt)
  }

  private func earlier(_ submission: Submission) -> Earlier? {
    submission.requestID.flatMap { requests[RequestKey(actor: submission.actor, id: $0)] }
  }

  private mutating func remember(_ earlier: Earlier, _ submission: Submission) {
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
    let receipt = record()
    users[user]?.spends.append((moment, report.usage.total))
    remember(.usage(report, of: user, at: moment, receipt), submission)
    return .recorded(receipt)
  }

  private mutating func firstSeen(_ report: UsageReport) -> UserID? {
    guard report.registersUnknownUser, case .id(let user) = report.user else { return nil }
    users[user] = User(role: .user)
    record()
    return user
  }

  private func fits(_ usage: TokenUsage, of user: UserID) -> Bool {
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

  private func conflict(_ member: String, _ earlier: Earlier) -> Answer {
    let receipt =
      switch earlier {
      case .usage(_, of: _, at: _, let receipt), .refused(_, _, let receipt),
        .settled(_, _, _, let receipt):
        receipt
      case .held(_, of: _, let held): held.receipt
      }
    return .failed(.requestConflict(member: member, position: receipt.position))
  }

  mutating func check(_ reference: UserReference, _ estimate: TokenCount?) -> Answer {
    guard let user = active(reference) else { return .failed(.unknownUser) }
    let violations = violations(of: user, estimate)
    if violations.isEmpty { return .granted(position: position) }
    let refusal = Refusal(user: user, estimate: estimate, violations: violations)
    return .refused(refusal, record())
  }

  private func violations(of user: UserID, _ estimate: TokenCount?) -> [Violation] {
    let limits = limits(of: user)
    let used = used(by: user, at: now)
    let reserved = reserved(by: user)
    return Period.allCases.compactMap { period in
      if limits[period].isUnlimited { return nil }
      let rest =
        Int128(limits[period].rawValue) - Int128(used[period].rawValue) - Int128(reserved.rawValue)
      if rest > 0, Int128(estimate?.rawValue ?? 0) <= rest { return nil }
      return Violation(
        period: period, limit: limits[period], used: used[period], reserved: reserved)
    }
  }

  mutating func hold(_ request: HoldRequest, _ submission: Submission) -> Answer {
    if let earlier = earlier(submission) { return replay(earlier, of: request) }
    guard let user = active(request.user) else { return .failed(.unknownUser) }
    guard reserved(by: user).adding(request.estimate) != nil else { return .failed(.overflow) }
    let violations = violations(of: user, request.estimate)
    guard violations.isEmpty else {
      let refusal = Refusal(user: user, estimate: request.estimate, violations: violations)
      let receipt = record()
      remember(.refused(request, refusal, receipt), submission)
      return .refused(refusal, receipt)
    }
    let end = Moment(microseconds: now.microseconds + request.timeToLiveSeconds * 1_000_000)
    let receipt = record()
    let held = HoldReceipt(hold: HoldID(receipt.position), expiresAt: end, receipt: receipt)
    holds[held.hold] = SetAside(
      hold: Hold(user: user, tokens: request.estimate, expiresAt: end), maker: submission.actor)
    remember(.held(request, of: user, held), submission)
    return .held(held)
  }

  private func replay(_ earlier: Earlier, of request: HoldRequest) -> Answer {
    switch earlier {
    case .usage, .settled: return conflict("type", earlier)
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
      return .refused(refusal, receipt.repeated)
    }
  }

  mutating func settle(
    _ id: HoldID, _ usage: TokenUsage, _ model: ModelName?, _ submission: Submission
  ) -> Answer {
    if let earlier = earlier(submission) {
      guard case .settled(let hold, let first, let firstModel, let receipt) = earlier else {
        return conflict("type", earlier)
      }
      if id != hold { return conflict("hold", earlier) }
      if usage != first { return conflict("tokens", earlier) }
      if model != firstModel { return conflict("model", earlier) }
      return .recorded(receipt.repeated)
    }
    if let failure = obstacle(to: id, submission.actor) { return .failed(failure) }
    guard let hold = holds[id], hold.end == nil || hold.end == .holdExpired else {
      return .failed(.holdEnded(by: holds[id]?.end ?? .holdSettled))
    }
    guard fits(usage, of: hold.hold.user) else { return .failed(.overflow) }
    let receipt = record()
    holds[id]?.end = .holdSettled
    users[hold.hold.user]?.spends.append((now, usage.total))
    remember(.settled(id, usage, model, receipt), submission)
    return .recorded(receipt)
  }

  mutating func void(_ id: HoldID, _ actor: Actor) -> Answer {
    if let failure = obstacle(to: id, actor) { return .failed(failure) }
    switch holds[id]?.end {
    case nil:
      holds[id]?.end = .holdVoided
      return .recorded(record())
    case .holdVoided, .holdExpired: return .unchanged
    case let kind?: return .failed(.holdEnded(by: kind))
    }
  }

  private func obstacle(to id: HoldID, _ actor: Actor) -> CommandFailure? {
    guard let hold = holds[id] else { return .unknownHold }
    guard hold.maker != actor, case .user(let user) = actor else { return nil }
    return users[user]?.role == .staff ? nil : .foreignHold
  }
}

extension Receipt {
  fileprivate var repeated: Receipt {
    Receipt(position: position, recordedAt: recordedAt, isReplayed: true)
  }
}
