internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// Decides one command on everything before it, and records what follows.
  mutating func decide(_ submission: Submission) throws(StoreFailure) -> Answer {
    switch submission.command {
    case .recordUsage(let report): try recordUsage(report, submission)
    case .register(let registration): try register(registration, submission)
    case .setActive(let user, let isActive): try setActive(user, isActive, submission)
    case .erase(let user): try erase(user, submission)
    case .setRole(let user, let role): try setRole(user, role, submission)
    case .issueToken(let user, let token, let expiresAt):
      try issue(token, to: user, expiresAt: expiresAt, submission)
    case .revokeToken(let token, let user): try revoke(token, of: user, submission)
    case .setLimits(let user, let updates, let modes):
      try setLimits(of: user, updates, modes, submission)
    case .setDefaults(let limits, let modes): try setDefaults(limits, modes, submission)
    case .schedule(let user, let updates, let effectiveAt):
      try schedule(updates, of: user, effectiveAt: effectiveAt, submission)
    case .cancelSchedule(let schedule): try cancel(schedule, submission)
    case .allow(let user, let period, let tokens):
      try allow(tokens, period, to: user, submission)
    case .correct(let target, let usage): try correct(target, usage, submission)
    case .check(let user, let estimate): try check(user, estimate: estimate, submission)
    case .hold(let request): try hold(request, submission)
    case .settle(let hold, let usage): try settle(hold, usage, submission)
    case .extend(let hold, let seconds): try extend(hold, seconds: seconds, submission)
    case .void(let hold): try void(hold, submission)
    case .session(let command): try decide(command, submission)
    }
  }

  private mutating func register(
    _ registration: Registration, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard try account(registration.user) == nil else { return .failed(.userExists) }
    let name: UserName?
    do throws(TextRule) {
      name = try registration.name.map { (name) throws(TextRule) in try NameRule.registered(name) }
    } catch {
      return .failed(.nameRefused(error))
    }
    if let name, try isTaken(name) { return .failed(.nameTaken) }
    if let token = registration.token, try isKnown(token) { return .failed(.tokenExists) }
    if let name { give(name, to: registration.user) }
    var receipt = try record(
      .userRegistered(registration.user, role: registration.role), for: submission)
    if let token = registration.token {
      let issue = TokenIssue(token: token.id, user: registration.user, digest: token.digest)
      receipt = try record(.tokenIssued(issue), for: submission, withRequestID: false)
    }
    return .recorded(receipt)
  }

  private mutating func setActive(
    _ reference: UserReference, _ isActive: Bool, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard let account = try account(reference)?.account else { return .failed(.unknownUser) }
    if account.isActive == isActive { return .unchanged }
    if account.isErased { return .failed(.userErased) }
    if !isActive, try isLastStaff(account, for: submission.actor) { return .failed(.lastStaff) }
    let fact: Fact =
      isActive ? .userReactivated(account.user) : .userDeactivated(account.user)
    return .recorded(try record(fact, for: submission))
  }

  private mutating func setRole(
    _ reference: UserReference, _ role: Role, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard let account = try account(reference)?.account else { return .failed(.unknownUser) }
    if account.isErased { return .failed(.userErased) }
    if account.role == role { return .unchanged }
    if try isLastStaff(account, for: submission.actor) { return .failed(.lastStaff) }
    return .recorded(
      try record(.roleChanged(account.user, old: account.role, new: role), for: submission))
  }

  private mutating func issue(
    _ token: NewToken, to reference: UserReference, expiresAt: Moment?, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard let account = try account(reference)?.account, account.isActive || account.isErased else {
      return .failed(.unknownUser)
    }
    if account.isErased { return .failed(.userErased) }
    if try isKnown(token) { return .failed(.tokenExists) }
    let issue = TokenIssue(
      token: token.id, user: account.user, digest: token.digest, expiresAt: expiresAt)
    return .recorded(try record(.tokenIssued(issue), for: submission))
  }

  private mutating func revoke(
    _ token: TokenID, of reference: UserReference?, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    let entry = try usingProjection(fold.token(token))
    guard let entry else { return .failed(.unknownToken) }
    if let reference, try user(reference) != entry.user { return .failed(.unknownToken) }
    if entry.isRevoked { return .unchanged }
    return .recorded(try record(.tokenRevoked(token, user: entry.user), for: submission))
  }

  /// Whether a user would be the last one to manage users. The operator may take that away, too: whoever has
  /// the data directory can make another.
  mutating func isLastStaff(_ account: Account, for actor: Actor) throws(StoreFailure) -> Bool {
    guard case .user = actor, account.role == .staff, account.isActive else { return false }
    return try !usingProjection(fold.hasOtherStaff(than: account.user))
  }

  private func isKnown(_ token: NewToken) throws(StoreFailure) -> Bool {
    try usingProjection { () throws(ProjectionFailure) in
      if try fold.hasToken(token.digest) { return true }
      return try fold.token(token.id) != nil
    }
  }
}
