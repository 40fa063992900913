internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// Ends holds whose deadline has come; answers whether those were all.
  mutating func expireHolds() throws(StoreFailure) -> Bool {
    let due = try usingProjection(fold.holds(expiredAt: now, limit: Self.maximumDueCount))
    for (id, entry) in due.holds { _ = try record(.holdExpired(id, user: entry.hold.user)) }
    return due.areAll
  }

  // MARK: Ending

  /// Records what a held call used, or a part of it, which counts whatever it is.
  mutating func settle(
    _ id: HoldID, _ used: HoldUsage, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let earlier = try earlierEvent(of: submission) {
      return try replay(earlier, ofSettling: id, used)
    }
    let entry: HoldEntry
    switch try status(of: id, submission.actor) {
    case .failure(let failure): return .failed(failure)
    case .success(let found): entry = found
    }
    if let end = entry.state.end, end != .expired {
      return .failed(.holdEnded(end, at: entry.state.endedAt))
    }
    guard let lifetime = try lifetime(of: entry.hold.user),
      lifetime.adding(used.usage.total) != nil
    else { return .failed(.overflow) }
    var settlement = Settlement(
      spend: Spend(user: entry.hold.user, usage: used.usage, model: used.model),
      credits: cost(of: used, entry.hold),
      overage: used.usage.total.subtractingClamped(entry.hold.tokens), isLate: !entry.isOpen,
      isCostUnknown: used.isFinal && used.knownCost == nil && entry.hold.credits > .zero)
    let session = try sessionThatCounts(settlement, used, entry.hold)
    settlement.isCountedInSession = session != nil
    let fact: Fact = used.isFinal ? .holdSettled(id, settlement) : .holdDrawn(id, settlement)
    let receipt = try record(fact, for: submission)
    if let session { try count(used, of: id, at: receipt.position, in: session, submission) }
    return .settled(
      SettlementReceipt(
        receipt: receipt, settlement: settlement,
        rest: used.isFinal ? nil : try rest(of: id)))
  }

  /// What the call costs the shared budgets that the hold names. What nobody knows is not zero: the end
  /// of the call takes what was held.
  private func cost(of used: HoldUsage, _ hold: Hold) -> NanoCredits {
    if let cost = used.knownCost { return cost }
    return used.isFinal ? hold.credits : .zero
  }

  /// The session whose usage counts the tokens; nil where there is none any more.
  private mutating func sessionThatCounts(
    _ settlement: Settlement, _ used: HoldUsage, _ hold: Hold
  ) throws(StoreFailure) -> Session? {
    guard let ref = hold.session else { return nil }
    let session = try current(ref)
    guard session.phase != .deleted, session.total.adding(settlement.credits) != nil else {
      return nil
    }
    return session
  }

  private mutating func count(
    _ used: HoldUsage, of id: HoldID, at position: Position, in session: Session,
    _ submission: Submission
  ) throws(StoreFailure) {
    var usage = CallUsage(
      id: id.usage(settledAt: position), call: used.isFinal ? id.call : nil)
    usage.tokens = used.usage
    usage.model = used.model
    usage.cost = used.cost
    usage.price = used.price
    guard case .success(let fact) = try fact(of: usage, session) else { return }
    try count(fact, isUnpriced: used.price == nil, in: session, submission)
  }

  private func rest(of id: HoldID) throws(StoreFailure) -> TokenCount? {
    let entry = try usingProjection(fold.hold(id))
    guard let entry, entry.isOpen else { return nil }
    return entry.hold.tokens
  }

  /// The first receipt again, or the first member in which the repetition differs.
  private mutating func replay(
    _ event: Event, ofSettling id: HoldID, _ used: HoldUsage
  ) throws(StoreFailure) -> Answer {
    guard case .hold(let hold, let change) = event.fact.effect(at: event.position),
      let settlement = change.settlement
    else { return event.conflict(in: "type") }
    let isFinal = if case .settled = change { true } else { false }
    let spend = settlement.spend
    let differences = [
      ("hold", id != hold), ("input_tokens", used.usage.input != spend.usage.input),
      ("output_tokens", used.usage.output != spend.usage.output),
      ("tokens", used.usage != spend.usage), ("model", used.model != spend.model),
      ("final", used.isFinal != isFinal),
      ("nano_aiu", used.cost.map { $0 != settlement.credits } ?? false),
    ]
    if let conflict = event.conflict(differences) { return conflict }
    return .settled(
      SettlementReceipt(
        receipt: Receipt(replaying: event), settlement: settlement, rest: nil))
  }

  /// Moves the end of a hold to so many seconds from now.
  mutating func extend(
    _ id: HoldID, seconds: Int64, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let earlier = try earlierEvent(of: submission) {
      return Self.replay(earlier, ofExtending: id, seconds: seconds)
    }
    switch try status(of: id, submission.actor) {
    case .failure(let failure): return .failed(failure)
    case .success(let entry):
      if let end = entry.state.end { return .failed(.holdEnded(end, at: entry.state.endedAt)) }
      let expiresAt = Moment(microseconds: now.microseconds + seconds * 1_000_000)
      let fact = Fact.holdExtended(id, user: entry.hold.user, expiresAt: expiresAt)
      return .extended(expiresAt: expiresAt, try record(fact, for: submission))
    }
  }

  private static func replay(
    _ event: Event, ofExtending id: HoldID, seconds: Int64
  ) -> Answer {
    guard case .holdExtended(let hold, user: _, let expiresAt) = event.fact else {
      return event.conflict(in: "type")
    }
    let first = expiresAt.microseconds - event.happenedAt.microseconds
    if hold != id || first != seconds * 1_000_000 {
      let member = hold != id ? "hold" : "ttl_seconds"
      return event.conflict(in: member)
    }
    return .extended(expiresAt: expiresAt, Receipt(replaying: event))
  }

  /// Ends a hold of which nothing was used.
  mutating func void(_ id: HoldID, _ submission: Submission) throws(StoreFailure) -> Answer {
    if let earlier = try earlierEvent(of: submission) {
      guard case .holdVoided(let first, user: _) = earlier.fact else {
        return earlier.conflict(in: "type")
      }
      if first != id {
        return earlier.conflict(in: "hold")
      }
      return .recorded(Receipt(replaying: earlier))
    }
    switch try status(of: id, submission.actor) {
    case .failure(let failure): return .failed(failure)
    case .success(let entry):
      switch entry.state.end {
      case nil:
        return .recorded(try record(.holdVoided(id, user: entry.hold.user), for: submission))
      case .voided, .expired: return .unchanged
      case .settled, .settledLate:
        return .failed(.holdEnded(entry.state.end ?? .settled, at: entry.state.endedAt))
      }
    }
  }

  // MARK: Whose

  /// A hold that the actor may end.
  private mutating func status(
    of id: HoldID, _ actor: Actor
  ) throws(StoreFailure) -> Result<HoldEntry, CommandFailure> {
    let entry = try usingProjection(fold.hold(id))
    guard let entry else { return .failure(.unknownHold) }
    return try mayEnd(entry, actor) ? .success(entry) : .failure(.foreignHold)
  }

  /// A hold belongs to whoever made it; staff and the operator may end any.
  private mutating func mayEnd(_ entry: HoldEntry, _ actor: Actor) throws(StoreFailure) -> Bool {
    guard case .user(let user) = actor else { return true }
    let scope = try usingProjection(fold.scope(of: actor))
    if scope == entry.holder { return true }
    return try account(user)?.account.role == .staff
  }

  /// The same for an event: it belongs to whoever caused it.
  mutating func mayChange(_ event: Event, _ actor: Actor) throws(StoreFailure) -> Bool {
    if event.actor == actor { return true }
    guard case .user(let user) = actor else { return true }
    return try account(user)?.account.role == .staff
  }
}
