internal import QuotaModel
internal import QuotaService

extension NaiveLedger {
  mutating func decide(_ submission: Submission) -> Answer {
    switch submission.command {
    case .recordUsage(let report): recordUsage(report, submission)
    case .register(let registration): register(registration)
    case .setActive(let user, let isActive): setActive(user, isActive)
    case .setRole(let user, let role): setRole(user, role)
    case .issueToken(let user, let token, expiresAt: _): issue(token, to: user)
    case .revokeToken(let token, let user): revoke(token, of: user)
    case .setLimits(let user, let updates): setLimits(of: user, updates)
    case .setDefaults(let limits): setDefaults(limits)
    case .check(let user, let estimate): check(user, estimate)
    case .hold(let request): hold(request, submission)
    case .settle(let hold, let usage, let model): settle(hold, usage, model, submission)
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
    let receipt = record()
    guard let token = registration.token else { return .recorded(receipt) }
    tokens[token.id] = (registration.user, false)
    return .recorded(record())
  }

  private mutating func setActive(_ reference: UserReference, _ isActive: Bool) -> Answer {
    guard let user = user(reference), let old = users[user] else { return .failed(.unknownUser) }
    if old.isActive == isActive { return .unchanged }
    users[user]?.isActive = isActive
    return .recorded(record())
  }

  private mutating func setRole(_ reference: UserReference, _ role: Role) -> Answer {
    guard let user = user(reference), let old = users[user] else { return .failed(.unknownUser) }
    if old.role == role { return .unchanged }
    users[user]?.role = role
    return .recorded(record())
  }

  private mutating func issue(_ token: NewToken, to reference: UserReference) -> Answer {
    guard let user = active(reference) else { return .failed(.unknownUser) }
    if tokens[token.id] != nil { return .failed(.tokenExists) }
    tokens[token.id] = (user, false)
    return .recorded(record())
  }

  private mutating func revoke(_ token: TokenID, of reference: UserReference?) -> Answer {
    guard let known = tokens[token] else { return .failed(.unknownToken) }
    if let reference, user(reference) != known.user { return .failed(.unknownToken) }
    if known.isRevoked { return .unchanged }
    tokens[token]?.isRevoked = true
    return .recorded(record())
  }

  private mutating func setLimits(
    of reference: UserReference, _ updates: LimitUpdates
  ) -> Answer {
    guard let user = active(reference), let old = users[user]?.limits else {
      return .failed(.unknownUser)
    }
    let new = OwnLimits { period in
      switch updates[period] {
      case .keep: old[period]
      case .set(let limit): limit
      case .unset: nil
      }
    }
    if new == old { return .unchanged }
    users[user]?.limits = new
    return .recorded(record())
  }

  private mutating func setDefaults(_ limits: Limits) -> Answer {
    if limits == defaults { return .unchanged }
    defaults = limits
    return .recorded(record())
  }
}
