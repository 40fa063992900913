package import JSON
package import QuotaModel

extension JSONValue {
  package func sessionStart() throws(MemberFault) -> SessionStart {
    SessionStart(
      id: try requiredBounded("session_id", SessionID.init), user: try optionalUserID("user"),
      seed: try entryID("seed"), model: try bounded("model", ModelName.init),
      limit: try credits("max_nano_aiu"), budget: try bounded("budget_id", BudgetID.init))
  }

  package func budgetChange() throws(MemberFault) -> BudgetChange {
    BudgetChange(
      budget: try requiredBounded("budget_id", BudgetID.init), old: try credits("old_nano_aiu"),
      new: try requiredCredits("new_nano_aiu"), access: try budgetAccess())
  }

  /// Who may use a shared budget; nil where nothing is said about it.
  package func budgetAccess() throws(MemberFault) -> BudgetAccess? {
    let open = try bool("open")
    guard let list = self["members"], list.kind != .null else {
      return open.map { $0 ? .open : .nobody }
    }
    guard open != true else {
      throw MemberFault(member: "members", rule: "must be absent where open is true")
    }
    guard list.kind == .array else {
      throw MemberFault(member: "members", rule: "must be a list of users' ids")
    }
    guard list.count <= BudgetAccess.maximumMemberCount else {
      throw MemberFault(
        member: "members", rule: "must name at most \(BudgetAccess.maximumMemberCount) users")
    }
    var members: Set<UserID> = []
    for element in list.elements {
      guard let user = element.string.flatMap(UserID.init(spelling:)) else {
        throw MemberFault(member: "members", rule: "must be a list of users' ids")
      }
      members.insert(user)
    }
    return .members(members.sorted())
  }

  /// Reads what `JSONWriter.sessionFact` writes.
  package func sessionEvent(of kind: EventKind) throws(MemberFault) -> Fact {
    guard let session = HoldID(text: try requiredText("session")) else {
      throw MemberFault(member: "session", rule: "must be the position of a session's first event")
    }
    return .session(SessionRef(session.position), try sessionFact(of: kind))
  }

  private func sessionFact(of kind: EventKind) throws(MemberFault) -> SessionFact {
    switch kind {
    case .sessionResumed:
      .resumed(
        SessionResume(
          limit: try credits("max_nano_aiu"), wasActive: try requiredBool("was_active")))
    case .sessionLimitChanged:
      .limitChanged(
        SessionLimitChange(
          old: try credits("old_nano_aiu"), new: try credits("new_nano_aiu"),
          change: try bounded("change_id", StepID.init(stored:))))
    case .sessionModelChanged: .modelChanged(try requiredBounded("model", ModelName.init))
    case .sessionMessageReceived: .messageReceived(try entryID("message_id"))
    case .sessionCallAdmitted: .callAdmitted(try admission())
    case .sessionCallEnded:
      .callEnded(
        try requiredBounded("call_id", StepID.init(stored:)),
        try named("end", CallEnd.allCases, \.name))
    case .sessionCallExtended:
      .callExtended(
        try requiredBounded("call_id", StepID.init(stored:)),
        expiresAt: try requiredMoment("expires_at"))
    case .sessionUsageRecorded: .usageRecorded(try sessionUsage())
    case .sessionMessageAnswered: .messageAnswered(try assistantMessage())
    case .sessionTurnEnded: .turnEnded(try requiredNumber("turn"))
    case .sessionCheckpointed:
      .checkpointed(
        SessionTotals(
          total: try requiredCredits("total_nano_aiu"), callCount: try requiredNumber("call_count"))
      )
    case .exhaustionRequested: .exhaustionRequested(try exhaustionRequest())
    case .exhaustionAnswered:
      .exhaustionAnswered(try entryID("exhaustion_id"), try exhaustionAnswer())
    case .sessionWarned: .warned(try warning())
    case .sessionOptionIgnored: .optionIgnored(try requiredBounded("option", CallMark.init))
    case .sessionFailed:
      .failed(
        SessionError(
          kind: try requiredBounded("error", CallMark.init),
          statusCode: try number("status_code", in: 1...UInt16.max)))
    case .sessionAborted: .aborted
    case .sessionWindowStarted: .windowStarted(try requiredNumber("window"))
    case .sessionClosed: .closed(try named("closing", SessionClosing.allCases, \.name))
    case .sessionDeleted: .deleted
    case .userRegistered, .userDeactivated, .userReactivated, .roleChanged, .tokenIssued,
      .tokenRevoked, .defaultsChanged, .limitsChanged, .calendarChanged, .tokensSpent, .spendHeld,
      .holdSettled, .holdVoided, .holdExpired, .spendRefused, .sessionStarted, .budgetChanged,
      .spendShadowed, .holdDrawn, .holdExtended, .usageCorrected, .modesChanged,
      .allowanceGranted, .limitsScheduled, .scheduleEnded, .thresholdCrossed,
      .userErased:
      preconditionFailure("no event of a session that has begun")
    }
  }

  private func admission() throws(MemberFault) -> CallAdmission {
    CallAdmission(
      call: try requiredBounded("call_id", StepID.init(stored:)),
      reservation: try requiredCredits("reservation_nano_aiu"),
      expiresAt: try requiredMoment("expires_at"), turn: try number("turn", in: 1...UInt64.max),
      model: try bounded("model", ModelName.init))
  }

  private func sessionUsage() throws(MemberFault) -> SessionUsage {
    let usage = SessionUsage(
      id: try requiredBounded("usage_id", StepID.init(stored:)), user: try optionalUserID("user"),
      call: try bounded("call_id", StepID.init(stored:)), sequence: try requiredNumber("sequence"),
      tokens: has(Self.tokenMembers) ? try tokenUsage() : nil,
      model: try bounded("model", ModelName.init), cost: try cost(),
      agent: try bounded("agent_id", StepID.init(stored:)),
      durationMilliseconds: try number("duration_ms", in: 0...UInt32.max),
      finishReason: try bounded("finish_reason", CallMark.init),
      upstreamID: try bounded("upstream_id", CallMark.init),
      estimate: try number("estimate_nano_aiu", in: 1...Int64.max).flatMap(NanoCredits.init))
    guard usage.estimate == nil || usage.cost == .unavailable else {
      throw MemberFault(member: "estimate_nano_aiu", rule: "stands only where the cost is unknown")
    }
    return usage
  }

  private func cost() throws(MemberFault) -> CallCost {
    let amount = try credits("cost_nano_aiu")
    guard has(Self.priceMembers) else { return amount.map { .stated($0) } ?? .unavailable }
    let batchSize = try batchSize()
    let price = ModelPrice(
      input: try rate("price_input_nano_aiu"), output: try rate("price_output_nano_aiu"),
      cacheRead: try rate("price_cache_read_nano_aiu"),
      cacheWrite: try rate("price_cache_write_nano_aiu"), batchSize: batchSize)
    guard let price else { preconditionFailure("every number of the price was checked") }
    guard let amount else { throw MemberFault(member: "cost_nano_aiu", rule: "is required") }
    return .priced(amount, price)
  }

  private static var tokenMembers: [StaticString] {
    [
      "tokens", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
      "reasoning_tokens",
    ]
  }

  private static var priceMembers: [StaticString] {
    [
      "price_input_nano_aiu", "price_output_nano_aiu", "price_cache_read_nano_aiu",
      "price_cache_write_nano_aiu", "price_batch_size",
    ]
  }

  /// Whether one of the members is there: then all that are required with it have to be.
  private func has(_ members: [StaticString]) -> Bool {
    members.contains { (self[$0]?.kind ?? .null) != .null }
  }

  private func batchSize() throws(MemberFault) -> Int64 {
    guard let size = try number("price_batch_size", in: ModelPrice.batchSizes) else {
      throw MemberFault(member: "price_batch_size", rule: "is required")
    }
    return size
  }

  private func rate(_ name: StaticString) throws(MemberFault) -> NanoCredits {
    guard let number = try number(name, in: ModelPrice.rates), let rate = NanoCredits(number) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return rate
  }

  private func assistantMessage() throws(MemberFault) -> AssistantMessage {
    AssistantMessage(
      message: try entryID("message_id"), turn: try number("turn", in: 1...UInt64.max),
      outputTokens: try tokens("output_tokens"), model: try bounded("model", ModelName.init))
  }

  private func exhaustionRequest() throws(MemberFault) -> ExhaustionRequest {
    ExhaustionRequest(
      id: try entryID("exhaustion_id"), used: try requiredCredits("used_nano_aiu"),
      limit: try requiredCredits("max_nano_aiu"), budget: try bounded("budget_id", BudgetID.init))
  }

  private func exhaustionAnswer() throws(MemberFault) -> ExhaustionAnswer {
    switch try requiredText("action") {
    case "add": .add(try requiredCredits("additional_nano_aiu"))
    case "set": .set(try requiredCredits("max_nano_aiu"))
    case "unset": .unset
    case "cancel": .cancel
    default: throw MemberFault(member: "action", rule: "must be one of add, set, unset, cancel")
    }
  }

  private func warning() throws(MemberFault) -> SessionWarning {
    switch try requiredText("warning") {
    case "limit_reached":
      .limitReached(
        used: try requiredCredits("used_nano_aiu"), limit: try requiredCredits("max_nano_aiu"))
    case "budget_reached":
      .budgetReached(
        try requiredBounded("budget_id", BudgetID.init),
        used: try requiredCredits("used_nano_aiu"), limit: try requiredCredits("max_nano_aiu"))
    case "quota_reached": .quotaReached(try violations("violations"))
    case "unknown_price":
      .unknownPrice(
        try requiredBounded("model", ModelName.init), isRefused: try bool("refused") ?? false)
    default:
      throw MemberFault(
        member: "warning",
        rule: "must be one of limit_reached, budget_reached, quota_reached, unknown_price")
    }
  }
}

extension JSONValue {
  private func optionalUserID(_ name: StaticString) throws(MemberFault) -> UserID? {
    try text(name) == nil ? nil : try userID(name)
  }

  private func entryID(_ name: StaticString) throws(MemberFault) -> EntryID {
    guard let id = EntryID(text: try requiredText(name)) else {
      throw MemberFault(
        member: name.description, rule: "must be a UUID of version 4 in lower case with dashes")
    }
    return id
  }

  private func requiredBounded<Bounded>(
    _ name: StaticString, _ make: (String) throws(TextRule) -> Bounded
  ) throws(MemberFault) -> Bounded {
    guard let value = try bounded(name, make) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return value
  }

  private func requiredBool(_ name: StaticString) throws(MemberFault) -> Bool {
    guard let value = try bool(name) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return value
  }

  /// Nano-credits; nil where the member is absent or null.
  private func credits(_ name: StaticString) throws(MemberFault) -> NanoCredits? {
    try number(name, in: 0...Int64.max).flatMap(NanoCredits.init)
  }

  private func requiredCredits(_ name: StaticString) throws(MemberFault) -> NanoCredits {
    guard let amount = try credits(name) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return amount
  }

  private func requiredNumber(_ name: StaticString) throws(MemberFault) -> UInt64 {
    guard let number = try number(name, in: 0...UInt64.max) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return number
  }

  /// An integer; nil where the member is absent or null.
  private func number<Number: FixedWidthInteger>(
    _ name: StaticString, in range: ClosedRange<Number>
  ) throws(MemberFault) -> Number? {
    guard let value = self[name], value.kind != .null else { return nil }
    guard let number = value.numberText.flatMap({ Number($0) }), range.contains(number) else {
      throw MemberFault(
        member: name.description,
        rule: "must be an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// One of a few names.
  private func named<Named>(
    _ member: StaticString, _ all: [Named], _ name: (Named) -> String
  ) throws(MemberFault) -> Named {
    let text = try requiredText(member)
    guard let value = all.first(where: { name($0) == text }) else {
      let names = all.map(name).joined(separator: ", ")
      throw MemberFault(member: member.description, rule: "must be one of \(names)")
    }
    return value
  }
}
