public import JSON
public import QuotaModel

extension Event {
  /// Reads the canonical form that `JSONWriter.event` writes.
  public init(json: JSONValue) throws(MemberFault) {
    guard json.kind == .object else {
      throw MemberFault(member: "the line", rule: "must be an object")
    }
    let kindName = try json.requiredText("type")
    guard let kind = EventKind(name: kindName) else {
      throw MemberFault(
        member: "type", rule: "is \(kindName), which this version of quotalog does not know")
    }
    self.init(
      position: try json.position("position"), recordedAt: try json.requiredMoment("recorded_at"),
      decidedAt: try json.moment("decided_at"), happenedAt: try json.requiredMoment("happened_at"),
      actor: try json.actor("actor"),
      requestID: try json.bounded("request_id", RequestID.init),
      reason: try json.bounded("reason", Reason.init), fact: try json.fact(of: kind))
  }
}

extension JSONValue {
  fileprivate func actor(_ name: StaticString) throws(MemberFault) -> Actor {
    let value = try required(name)
    if value.stringEquals("service") { return .service }
    if value.stringEquals("operator") { return .operator }
    guard value.kind == .object else {
      throw MemberFault(
        member: name.description, rule: "must be \"service\", \"operator\" or {\"user\": …}")
    }
    return .user(try value.userID("user"))
  }

  fileprivate func fact(of kind: EventKind) throws(MemberFault) -> Fact {
    switch kind {
    case .userRegistered:
      .userRegistered(try userID("user"), role: try requiredRole("role"))
    case .userDeactivated: .userDeactivated(try userID("user"))
    case .userReactivated: .userReactivated(try userID("user"))
    case .roleChanged:
      .roleChanged(try userID("user"), old: try requiredRole("old"), new: try requiredRole("new"))
    case .tokenIssued:
      .tokenIssued(
        TokenIssue(
          token: try tokenID("token_id"), user: try userID("user"), digest: try digest("sha256"),
          expiresAt: try moment("expires_at")))
    case .tokenRevoked: .tokenRevoked(try tokenID("token_id"), user: try userID("user"))
    case .defaultsChanged: .defaultsChanged(try changes("changes"))
    case .limitsChanged: .limitsChanged(try userID("user"), try changes("changes"))
    case .calendarChanged: .calendarChanged(try calendarSetting())
    case .tokensSpent: .tokensSpent(try spend())
    case .spendHeld: try heldFact()
    case .holdSettled: .holdSettled(try hold("hold"), try settlement(of: try spend()))
    case .holdDrawn: .holdDrawn(try hold("hold"), try settlement(of: try spend()))
    case .holdExtended:
      .holdExtended(
        try hold("hold"), user: try userID("user"), expiresAt: try requiredMoment("expires_at"))
    case .holdVoided: .holdVoided(try hold("hold"), user: try userID("user"))
    case .holdExpired: .holdExpired(try hold("hold"), user: try userID("user"))
    case .spendRefused: .spendRefused(try refusal())
    case .spendShadowed: .spendShadowed(try refusal())
    case .usageCorrected: .usageCorrected(try correction())
    case .modesChanged:
      .modesChanged(
        self["user"] == nil ? nil : try userID("user"), try modeChanges())
    case .allowanceGranted: .allowanceGranted(try allowance())
    case .limitsScheduled: .limitsScheduled(try scheduledChange())
    case .scheduleEnded: try scheduleEnd()
    case .thresholdCrossed: .thresholdCrossed(try crossing())
    case .userErased: .userErased(try userID("user"))
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

  private func requiredRole(_ name: StaticString) throws(MemberFault) -> Role {
    guard let role = try role(name) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return role
  }

  private func tokenID(_ name: StaticString) throws(MemberFault) -> TokenID {
    guard let token = TokenID(text: try requiredText(name)) else {
      throw MemberFault(member: name.description, rule: "must be 16 hexadecimal digits")
    }
    return token
  }

  private func digest(_ name: StaticString) throws(MemberFault) -> TokenDigest {
    guard let digest = TokenDigest(text: try requiredText(name)) else {
      throw MemberFault(member: name.description, rule: "must be 64 hexadecimal digits")
    }
    return digest
  }

  private func hold(_ name: StaticString) throws(MemberFault) -> HoldID {
    guard let hold = HoldID(text: try requiredText(name)) else {
      throw MemberFault(member: name.description, rule: "must be the position of a hold")
    }
    return hold
  }

  private func calendarSetting() throws(MemberFault) -> CalendarSetting {
    guard let weekStart = Weekday(name: try requiredText("week_start")) else {
      throw MemberFault(member: "week_start", rule: "must be a day of the week")
    }
    let zone = try requiredText("time_zone")
    guard (1...64).contains(zone.utf8.count) else {
      throw MemberFault(member: "time_zone", rule: "must have 1 to 64 bytes")
    }
    return CalendarSetting(zone: zone, weekStart: weekStart)
  }

  private func spend() throws(MemberFault) -> Spend {
    Spend(
      user: try userID("user"), usage: try tokenUsage(),
      model: try bounded("model", ModelName.init))
  }

  package func tokenUsage() throws(MemberFault) -> TokenUsage {
    let total = try requiredTokens("tokens")
    let input = try tokens("input_tokens")
    let output = try tokens("output_tokens")
    let cacheRead = try tokens("cache_read_tokens")
    let cacheWrite = try tokens("cache_write_tokens")
    let reasoning = try tokens("reasoning_tokens")
    do {
      return try TokenUsage(
        total: total, input: input, output: output, cacheRead: cacheRead,
        cacheWrite: cacheWrite, reasoning: reasoning)
    } catch {
      throw MemberFault(member: "tokens", rule: "do not fit together: \(error)")
    }
  }

  private func changes(_ name: StaticString) throws(MemberFault) -> [LimitChange] {
    try objects(name, atMost: 3) { (json) throws(MemberFault) in
      LimitChange(
        period: try json.period("period"), old: try json.limit("old"), new: try json.limit("new"))
    }
  }
}
