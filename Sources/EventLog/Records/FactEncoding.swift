internal import LMDB
internal import QuotaModel

extension [UInt8] {
  /// The body of a record; `RecordView.fact()` is its inverse.
  mutating func appendBody(of fact: Fact) {
    switch fact {
    case .userRegistered(let user, let role):
      appendUser(user)
      append(role.rawValue)
    case .userDeactivated(let user), .userReactivated(let user), .userErased(let user):
      appendUser(user)
    case .roleChanged(let user, let old, let new):
      appendUser(user)
      append(old.rawValue)
      append(new.rawValue)
    case .tokenIssued(let issue):
      append(issue)
    case .tokenRevoked(let token, let user):
      appendUser(user)
      appendInteger(token.rawValue)
    case .defaultsChanged(let changes):
      append(changes)
    case .limitsChanged(let user, let changes):
      appendUser(user)
      append(changes)
    case .calendarChanged(let setting):
      append(setting.weekStart.rawValue)
      appendText(setting.zone)
    case .tokensSpent(let spend):
      append(spend)
    case .spendHeld(let hold):
      append(hold)
    case .holdSettled(let hold, let settlement), .holdDrawn(let hold, let settlement):
      append(settlement, of: hold)
    case .holdVoided(let hold, let user), .holdExpired(let hold, let user):
      appendUser(user)
      appendInteger(hold.position.rawValue)
    case .spendRefused(let refusal), .spendShadowed(let refusal):
      append(refusal)
    case .sessionStarted(let start):
      append(start)
    case .session(let session, let fact):
      // What concerns a user starts with that user.
      if case .usageRecorded(let usage) = fact { appendOptionalUser(usage.user) }
      appendInteger(session.position.rawValue)
      appendBody(of: fact)
    case .budgetChanged(let change):
      append(change)
    case .holdExtended(let hold, let user, let expiresAt):
      appendUser(user)
      appendInteger(hold.position.rawValue)
      appendInteger(expiresAt.microseconds)
    case .usageCorrected(let correction):
      append(correction)
    case .modesChanged(let user, let changes):
      appendOptionalUser(user)
      append(changes)
    case .allowanceGranted(let allowance):
      appendUser(allowance.user)
      append(allowance.period.rawValue)
      appendInteger(allowance.windowStart.microseconds)
      appendVariable(allowance.tokens)
    case .limitsScheduled(let change):
      appendOptionalUser(change.user)
      for period in Period.allCases { append(change.updates[period]) }
      appendInteger(change.effectiveAt.microseconds)
    case .scheduleEnded(let schedule, let user, let wasApplied):
      appendOptionalUser(user)
      appendInteger(schedule.position.rawValue)
      append(wasApplied ? 1 : 0)
    case .thresholdCrossed(let crossing):
      append(crossing)
    }
  }

  private mutating func append(_ issue: TokenIssue) {
    appendUser(issue.user)
    appendInteger(issue.token.rawValue)
    for word in [
      issue.digest.words.0, issue.digest.words.1, issue.digest.words.2, issue.digest.words.3,
    ] {
      appendInteger(word.byteSwapped)
    }
    appendInteger(issue.expiresAt?.microseconds ?? Int64.max)
  }

  private mutating func append(_ changes: [LimitChange]) {
    append(UInt8(changes.count))
    for change in changes {
      append(change.period.rawValue)
      appendLimit(change.old)
      appendLimit(change.new)
    }
  }

  mutating func append(_ spend: Spend) {
    appendUser(spend.user)
    append(SpendParts(of: spend).rawValue)
    append(spend.usage)
    if let model = spend.model { appendText(model.description) }
  }

  /// The numbers that `SpendParts` announces.
  mutating func append(_ usage: TokenUsage) {
    if usage.input == nil && usage.output == nil { appendVariable(usage.total) }
    for part in [usage.input, usage.output, usage.cacheRead, usage.cacheWrite, usage.reasoning] {
      if let part { appendVariable(part) }
    }
  }
}

/// Which optional parts a stored spend has.
struct SpendParts: OptionSet {
  let rawValue: UInt8
  static let input = SpendParts(rawValue: 1)
  static let output = SpendParts(rawValue: 2)
  static let cacheRead = SpendParts(rawValue: 4)
  static let cacheWrite = SpendParts(rawValue: 8)
  static let reasoning = SpendParts(rawValue: 16)
  static let model = SpendParts(rawValue: 32)
  static let all: SpendParts = [.input, .output, .cacheRead, .cacheWrite, .reasoning, .model]
}

extension SpendParts {
  init(of spend: Spend) {
    self.init(of: spend.usage)
    if spend.model != nil { insert(.model) }
  }

  init(of usage: TokenUsage) {
    self = []
    if usage.input != nil { insert(.input) }
    if usage.output != nil { insert(.output) }
    if usage.cacheRead != nil { insert(.cacheRead) }
    if usage.cacheWrite != nil { insert(.cacheWrite) }
    if usage.reasoning != nil { insert(.reasoning) }
  }
}
