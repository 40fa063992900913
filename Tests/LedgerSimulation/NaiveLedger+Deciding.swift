internal import QuotaModel
internal import QuotaService

extension NaiveLedger {
  mutating func decide(_ submission: Submission) -> Answer {
    switch submission.command {
    case .recordUsage(let report): recordUsage(report, submission)
    case .register(let registration): register(registration)
    case .setActive(let user, let isActive): setActive(user, isActive, submission.actor)
    case .erase(let user): erase(user, submission.actor)
    case .setRole(let user, let role): setRole(user, role, submission.actor)
    case .issueToken(let user, let token, let expiresAt):
      issue(token, to: user, until: expiresAt)
    case .revokeToken(let token, let user): revoke(token, of: user)
    case .setLimits(let user, let updates, let modes): setLimits(of: user, updates, modes)
    case .setDefaults(let limits, let modes): setDefaults(limits, modes)
    case .schedule(let user, let updates, let effectiveAt): schedule(updates, of: user, effectiveAt)
    case .cancelSchedule(let schedule): cancel(schedule)
    case .allow(let user, let period, let tokens): allow(tokens, period, to: user, submission)
    case .correct(let target, let usage): correct(target, usage, submission)
    case .check(let user, let estimate): check(user, estimate)
    case .hold(let request): hold(request, submission)
    case .settle(let hold, let used): settle(hold, used, submission)
    case .extend(let hold, let seconds): extend(hold, seconds: seconds, submission)
    case .void(let hold): void(hold, submission.actor)
    case .session: preconditionFailure("sessions have a simulation of their own")
    }
  }

  private mutating func register(_ registration: Registration) -> Answer {
    if users[registration.user] != nil { return .failed(.userExists) }
    if let name = registration.name, names[name.description] != nil { return .failed(.nameTaken) }
    if let token = registration.token, tokens[token.id] != nil { return .failed(.tokenExists) }
    users[registration.user] = User(role: registration.role)
    if let name = registration.name { names[name.description] = registration.user }
    let receipt = record(.userRegistered)
    guard let token = registration.token else { return .recorded(receipt) }
    tokens[token.id] = Issued(user: registration.user, startedAt: now)
    return .recorded(record(.tokenIssued))
  }

  private mutating func setActive(
    _ reference: UserReference, _ isActive: Bool, _ actor: Actor
  ) -> Answer {
    guard let user = user(reference), let old = users[user] else { return .failed(.unknownUser) }
    if old.isActive == isActive { return .unchanged }
    if old.isErased { return .failed(.userErased) }
    if !isActive, isLastStaff(user, for: actor) { return .failed(.lastStaff) }
    users[user]?.isActive = isActive
    return .recorded(record(isActive ? .userReactivated : .userDeactivated))
  }

  private func isLastStaff(_ user: UserID, for actor: Actor) -> Bool {
    let staff = users.filter { $0.value.isActive && $0.value.role == .staff }
    guard case .user = actor else { return false }
    return staff.count == 1 && staff[user] != nil
  }

  private mutating func erase(_ reference: UserReference, _ actor: Actor) -> Answer {
    guard let user = user(reference), let old = users[user] else { return .failed(.unknownUser) }
    if old.isErased { return .unchanged }
    if isLastStaff(user, for: actor) { return .failed(.lastStaff) }
    users[user]?.isErased = true
    users[user]?.isActive = false
    return .recorded(record(.userErased))
  }

  private mutating func setRole(
    _ reference: UserReference, _ role: Role, _ actor: Actor
  ) -> Answer {
    guard let user = user(reference), let old = users[user] else { return .failed(.unknownUser) }
    if old.isErased { return .failed(.userErased) }
    if old.role == role { return .unchanged }
    if isLastStaff(user, for: actor) { return .failed(.lastStaff) }
    users[user]?.role = role
    return .recorded(record(.roleChanged))
  }

  private mutating func issue(
    _ token: NewToken, to reference: UserReference, until end: Moment?
  ) -> Answer {
    if let user = user(reference), users[user]?.isErased == true { return .failed(.userErased) }
    guard let user = active(reference) else { return .failed(.unknownUser) }
    if tokens[token.id] != nil { return .failed(.tokenExists) }
    tokens[token.id] = Issued(user: user, startedAt: now, expiresAt: end)
    return .recorded(record(.tokenIssued))
  }

  private mutating func revoke(_ token: TokenID, of reference: UserReference?) -> Answer {
    guard let known = tokens[token] else { return .failed(.unknownToken) }
    if let reference, user(reference) != known.user { return .failed(.unknownToken) }
    if known.isRevoked { return .unchanged }
    tokens[token]?.isRevoked = true
    return .recorded(record(.tokenRevoked))
  }
}
