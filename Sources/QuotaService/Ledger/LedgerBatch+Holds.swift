internal import EventLog
internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// Holds that expire in one batch at most, so that memory stays bounded whatever is due.
  private static let maximumExpiryCount = 4096

  /// Ends holds whose deadline has come; answers whether those were all.
  mutating func expireHolds() throws(StoreFailure) -> Bool {
    let due = try usingProjection { () throws(ProjectionFailure) in
      try fold.holds(expiredAt: now, limit: Self.maximumExpiryCount)
    }
    for (id, entry) in due { _ = try record(.holdExpired(id, user: entry.hold.user)) }
    return due.count < Self.maximumExpiryCount
  }

  /// Whether anything, or an estimate, may be spent now; a refusal is recorded.
  mutating func check(
    _ reference: UserReference, estimate: TokenCount?, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard let entry = try account(reference), entry.account.isActive else {
      return .failed(.unknownUser)
    }
    switch try admission(of: entry, estimate: estimate) {
    case .granted: return .granted(position: fold.state.position)
    case .refused(let violations):
      return try refuse(entry.account.user, estimate, violations, submission)
    }
  }

  /// Checks and sets aside in one step.
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
    switch try admission(of: entry, estimate: request.estimate) {
    case .refused(let violations):
      return try refuse(entry.account.user, request.estimate, violations, submission)
    case .granted:
      let expiresAt = Moment(
        microseconds: now.microseconds + request.timeToLiveSeconds * 1_000_000)
      let hold = Hold(user: entry.account.user, tokens: request.estimate, expiresAt: expiresAt)
      let receipt = try record(.spendHeld(hold), for: submission)
      return .held(
        HoldReceipt(hold: HoldID(receipt.position), expiresAt: expiresAt, receipt: receipt))
    }
  }

  /// Ends a hold by what was really used, which counts whatever it is.
  mutating func settle(
    _ id: HoldID, _ usage: TokenUsage, _ model: ModelName?, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let earlier = try earlierEvent(of: submission) {
      return Self.replay(earlier, ofSettling: id, usage, model)
    }
    switch try holdStatus(id, submission.actor) {
    case .failed(let failure): return .failed(failure)
    case .open(let user), .expired(let user):
      guard let account = try account(user)?.account,
        account.lifetime.adding(usage.total) != nil
      else { return .failed(.overflow) }
      let spend = Spend(user: user, usage: usage, model: model)
      return .recorded(try record(.holdSettled(id, spend), for: submission))
    }
  }

  /// The first receipt again, or the first member in which the repetition differs.
  private static func replay(
    _ event: Event, ofSettling id: HoldID, _ usage: TokenUsage, _ model: ModelName?
  ) -> Answer {
    guard case .holdSettled(let hold, let spend) = event.fact else {
      return .failed(.requestConflict(member: "type", position: event.position))
    }
    let differences = [
      ("hold", id != hold), ("tokens", usage != spend.usage), ("model", model != spend.model),
    ]
    if let difference = differences.first(where: \.1) {
      return .failed(.requestConflict(member: difference.0, position: event.position))
    }
    return .recorded(Receipt(replaying: event))
  }

  /// Ends a hold of which nothing was used.
  mutating func void(_ id: HoldID, _ submission: Submission) throws(StoreFailure) -> Answer {
    switch try holdStatus(id, submission.actor) {
    case .failed(.holdEnded(by: .holdVoided)), .expired: .unchanged
    case .failed(let failure): .failed(failure)
    case .open(let user):
      .recorded(try record(.holdVoided(id, user: user), for: submission))
    }
  }

  mutating func admission(
    of entry: AccountEntry, estimate: TokenCount?
  ) throws(StoreFailure) -> Admission {
    let windows = fold.windows(containing: now)
    let used = try usingProjection { () throws(ProjectionFailure) in
      try fold.used(by: entry, in: windows)
    }
    return entry.account.decide(on: estimate, used: used, defaults: fold.state.defaults)
  }

  private mutating func refuse(
    _ user: UserID, _ estimate: TokenCount?, _ violations: [Violation], _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let refusal = Refusal(user: user, estimate: estimate, violations: violations)
    return .refused(refusal, try record(.spendRefused(refusal), for: submission))
  }

  private mutating func replay(
    _ event: Event, of request: HoldRequest
  ) throws(StoreFailure) -> Answer {
    let user = try user(request.user)
    switch event.fact {
    case .spendHeld(let hold):
      let timeToLive = hold.expiresAt.microseconds - event.recordedAt.microseconds
      let differences = [
        ("user", user != hold.user), ("estimate", request.estimate != hold.tokens),
        ("ttl_seconds", request.timeToLiveSeconds * 1_000_000 != timeToLive),
      ]
      if let difference = differences.first(where: \.1) {
        return .failed(.requestConflict(member: difference.0, position: event.position))
      }
      return .held(
        HoldReceipt(
          hold: HoldID(event.position), expiresAt: hold.expiresAt,
          receipt: Receipt(replaying: event)))
    case .spendRefused(let refusal):
      if user != refusal.user || request.estimate != refusal.estimate {
        let member = user != refusal.user ? "user" : "estimate"
        return .failed(.requestConflict(member: member, position: event.position))
      }
      return .refused(refusal, Receipt(replaying: event))
    default:
      return .failed(.requestConflict(member: "type", position: event.position))
    }
  }

  private enum HoldStatus {
    case open(UserID)
    /// Its time ran out; what was used still counts.
    case expired(UserID)
    case failed(CommandFailure)
  }

  private mutating func holdStatus(
    _ id: HoldID, _ actor: Actor
  ) throws(StoreFailure) -> HoldStatus {
    guard id.position <= fold.state.position, let made = try event(at: id.position),
      case .spendHeld(let hold) = made.fact
    else { return .failed(.unknownHold) }
    guard try mayEnd(made, actor) else { return .failed(.foreignHold) }
    let isOpen = try usingProjection { () throws(ProjectionFailure) in try fold.hold(id) != nil }
    if isOpen { return .open(hold.user) }
    switch try end(of: id, hold.user) {
    case .holdExpired: return .expired(hold.user)
    case let kind: return .failed(.holdEnded(by: kind))
    }
  }

  /// A hold belongs to whoever made it; staff and the operator may end any.
  private mutating func mayEnd(_ made: Event, _ actor: Actor) throws(StoreFailure) -> Bool {
    if made.actor == actor { return true }
    guard case .user(let user) = actor else { return true }
    return try account(user)?.account.role == .staff
  }

  /// What ended a hold, found in its user's history. An expiry is the end only where no settlement
  /// came later: the hold would be settled twice otherwise.
  private mutating func end(of id: HoldID, _ user: UserID) throws(StoreFailure) -> EventKind {
    var position = id.position
    while true {
      let positions = try usingProjection { () throws(ProjectionFailure) in
        try fold.history(of: user, after: position, limit: 256)
      }
      guard let last = positions.last else { return .holdExpired }
      for position in positions {
        switch try event(at: position)?.fact {
        case .holdSettled(id, _): return .holdSettled
        case .holdVoided(id, user: _): return .holdVoided
        default: continue
        }
      }
      position = last
    }
  }
}
