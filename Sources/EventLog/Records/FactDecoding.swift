internal import LMDB
public import QuotaModel

extension RecordView {
  /// What happened, read from the body.
  public func fact() throws(RecordDamage) -> Fact {
    var body = bodyReader()
    let fact = try body.fact(of: kind)
    guard body.isAtEnd else { throw .malformed }
    return fact
  }

  /// The user whom the fact concerns, without reading the rest.
  public func user() throws(RecordDamage) -> UserID? {
    switch kind {
    case .defaultsChanged, .calendarChanged: return nil
    case .sessionStarted, .sessionUsageRecorded, .modesChanged, .limitsScheduled, .scheduleEnded:
      var body = bodyReader()
      return try body.optionalUser()
    case .sessionResumed, .sessionLimitChanged, .sessionModelChanged, .sessionMessageReceived,
      .sessionCallAdmitted, .sessionCallEnded, .sessionCallExtended, .sessionMessageAnswered,
      .sessionTurnEnded,
      .sessionCheckpointed, .exhaustionRequested, .exhaustionAnswered, .sessionWarned,
      .sessionFailed, .sessionAborted, .sessionWindowStarted, .sessionClosed, .sessionDeleted,
      .sessionOptionIgnored, .budgetChanged:
      return nil
    case .userRegistered, .userDeactivated, .userReactivated, .roleChanged, .tokenIssued,
      .tokenRevoked, .limitsChanged, .tokensSpent, .spendHeld, .holdSettled, .holdVoided,
      .holdExpired, .spendRefused, .spendShadowed, .holdDrawn, .holdExtended, .usageCorrected,
      .allowanceGranted, .thresholdCrossed, .userErased:
      // Every other body that concerns a user starts with that user.
      var body = bodyReader()
      return try body.user()
    }
  }

  /// User and total of a spend, without the rest; only for `tokensSpent`.
  public func spentTokens() throws(RecordDamage) -> (user: UserID, total: TokenCount) {
    var body = bodyReader()
    let user = try body.user()
    let parts = try body.spendParts()
    guard parts.contains(.input) || parts.contains(.output) else {
      return (user, try body.variable())
    }
    let input = parts.contains(.input) ? try body.variable() : .zero
    let output = parts.contains(.output) ? try body.variable() : .zero
    guard let total = input.adding(output) else { throw .malformed }
    return (user, total)
  }
}

extension RecordReader {
  @_lifetime(self: copy self)
  fileprivate mutating func fact(of kind: EventKind) throws(RecordDamage) -> Fact {
    switch kind {
    case .userRegistered: .userRegistered(try user(), role: try role())
    case .userDeactivated: .userDeactivated(try user())
    case .userReactivated: .userReactivated(try user())
    case .roleChanged: .roleChanged(try user(), old: try role(), new: try role())
    case .tokenIssued: .tokenIssued(try tokenIssue())
    case .tokenRevoked: try tokenRevoked()
    case .defaultsChanged: .defaultsChanged(try changes())
    case .limitsChanged: .limitsChanged(try user(), try changes())
    case .calendarChanged: .calendarChanged(try calendarSetting())
    case .tokensSpent: .tokensSpent(try spend())
    case .spendHeld: .spendHeld(try hold())
    case .holdSettled: try settled { .holdSettled($0, $1) }
    case .holdDrawn: try settled { .holdDrawn($0, $1) }
    case .holdExtended: try holdExtended()
    case .usageCorrected: .usageCorrected(try correction())
    case .modesChanged: .modesChanged(try optionalUser(), try modeChanges())
    case .allowanceGranted: .allowanceGranted(try allowance())
    case .limitsScheduled: .limitsScheduled(try scheduledChange())
    case .scheduleEnded: try scheduleEnded()
    case .thresholdCrossed: .thresholdCrossed(try crossing())
    case .userErased: .userErased(try user())
    case .spendShadowed: .spendShadowed(try refusal())
    case .holdVoided: try holdVoided()
    case .holdExpired: try holdExpired()
    case .spendRefused: .spendRefused(try refusal())
    case .sessionStarted: .sessionStarted(try sessionStart())
    case .budgetChanged: .budgetChanged(try budgetChange())
    case .sessionResumed, .sessionLimitChanged, .sessionModelChanged, .sessionMessageReceived,
      .sessionCallAdmitted, .sessionCallEnded, .sessionCallExtended, .sessionUsageRecorded,
      .sessionMessageAnswered,
      .sessionTurnEnded, .sessionCheckpointed, .exhaustionRequested, .exhaustionAnswered,
      .sessionWarned, .sessionFailed, .sessionAborted, .sessionWindowStarted, .sessionClosed,
      .sessionDeleted, .sessionOptionIgnored:
      try sessionEvent(of: kind)
    }
  }

  @_lifetime(self: copy self)
  fileprivate mutating func role() throws(RecordDamage) -> Role {
    guard let role = Role(rawValue: try byte()) else { throw .malformed }
    return role
  }

  @_lifetime(self: copy self)
  mutating func period() throws(RecordDamage) -> Period {
    guard let period = Period(rawValue: try byte()) else { throw .malformed }
    return period
  }

  @_lifetime(self: copy self)
  fileprivate mutating func tokenIssue() throws(RecordDamage) -> TokenIssue {
    let user = try user()
    let token = TokenID(try word())
    let digest = TokenDigest(
      (
        try word().byteSwapped, try word().byteSwapped, try word().byteSwapped,
        try word().byteSwapped
      ))
    let expiresAt = try moment()
    return TokenIssue(
      token: token, user: user, digest: digest,
      expiresAt: expiresAt.microseconds == .max ? nil : expiresAt)
  }

  @_lifetime(self: copy self)
  fileprivate mutating func tokenRevoked() throws(RecordDamage) -> Fact {
    let user = try user()
    return .tokenRevoked(TokenID(try word()), user: user)
  }

  @_lifetime(self: copy self)
  fileprivate mutating func calendarSetting() throws(RecordDamage) -> CalendarSetting {
    guard let weekStart = Weekday(rawValue: try byte()) else { throw .malformed }
    return CalendarSetting(zone: try text(), weekStart: weekStart)
  }

  @_lifetime(self: copy self)
  mutating func spendParts() throws(RecordDamage) -> SpendParts {
    let parts = SpendParts(rawValue: try byte())
    guard parts.isSubset(of: .all) else { throw .malformed }
    return parts
  }

  @_lifetime(self: copy self)
  mutating func spend() throws(RecordDamage) -> Spend {
    let user = try user()
    let parts = try spendParts()
    let usage = try usage(parts)
    return Spend(user: user, usage: usage, model: parts.contains(.model) ? try model() : nil)
  }

  @_lifetime(self: copy self)
  private mutating func model() throws(RecordDamage) -> ModelName {
    try bounded(ModelName.init)
  }

  @_lifetime(self: copy self)
  mutating func usage(_ parts: SpendParts) throws(RecordDamage) -> TokenUsage {
    let hasSum = parts.contains(.input) || parts.contains(.output)
    do {
      return try TokenUsage(
        total: hasSum ? nil : try variable(),
        input: parts.contains(.input) ? try variable() : nil,
        output: parts.contains(.output) ? try variable() : nil,
        cacheRead: parts.contains(.cacheRead) ? try variable() : nil,
        cacheWrite: parts.contains(.cacheWrite) ? try variable() : nil,
        reasoning: parts.contains(.reasoning) ? try variable() : nil)
    } catch {
      throw .malformed
    }
  }
}
