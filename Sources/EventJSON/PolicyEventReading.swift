package import JSON
package import QuotaModel

/// What `PolicyEventWriting` writes.
extension JSONValue {
  package func heldFact() throws(MemberFault) -> Fact {
    .spendHeld(
      Hold(
        user: try userID("user"), tokens: try requiredTokens("tokens"),
        expiresAt: try requiredMoment("expires_at"), session: try sessionRef("session"),
        credits: try nanoCredits("nano_aiu") ?? .zero, budgets: try budgetIDs("budget_ids")))
  }

  package func settlement(of spend: Spend) throws(MemberFault) -> Settlement {
    Settlement(
      spend: spend, credits: try nanoCredits("nano_aiu") ?? .zero,
      overage: try tokens("overage") ?? .zero, isLate: try bool("late") ?? false,
      isCountedInSession: try bool("counted_in_session") ?? false)
  }

  package func refusal() throws(MemberFault) -> Refusal {
    Refusal(
      user: try userID("user"), estimate: try tokens("estimate"),
      violations: try violations("violations"), credits: try nanoCredits("nano_aiu"),
      session: try sessionRef("session"), creditViolations: try creditViolations(),
      policy: self["policy"] == nil ? nil : try position("policy", from: 0),
      timeToLiveSeconds: try tokens("ttl_seconds")?.rawValue, budgets: try budgetIDs("budget_ids"))
  }

  package func violations(_ name: StaticString) throws(MemberFault) -> [Violation] {
    try objects(name, atMost: 3) { (json) throws(MemberFault) in
      guard let limit = try json.limit("limit") else {
        throw MemberFault(member: "limit", rule: "must be a number")
      }
      return Violation(
        period: try json.period("period"), limit: limit, used: try json.requiredTokens("used"),
        reserved: try json.requiredTokens("reserved"), mode: try json.mode("mode") ?? .hard)
    }
  }

  private func creditViolations() throws(MemberFault) -> [CreditViolation] {
    if self["credit_violations"] == nil { return [] }
    let maximum = Hold.maximumBudgetCount + 2
    return try objects("credit_violations", atMost: maximum) { (json) throws(MemberFault) in
      CreditViolation(
        budget: try json.bounded("budget_id", BudgetID.init),
        limit: try json.requiredNanoCredits("limit_nano_aiu"),
        used: try json.requiredNanoCredits("used_nano_aiu"),
        reserved: try json.requiredNanoCredits("reserved_nano_aiu"))
    }
  }

  package func correction() throws(MemberFault) -> Correction {
    Correction(
      user: try userID("user"), corrected: try position("corrected"),
      old: try requiredTokens("old_tokens"), usage: try tokenUsage())
  }

  package func modeChanges() throws(MemberFault) -> [ModeChange] {
    try objects("changes", atMost: 3) { (json) throws(MemberFault) in
      ModeChange(
        period: try json.period("period"), old: try json.mode("old"), new: try json.mode("new"))
    }
  }

  package func allowance() throws(MemberFault) -> Allowance {
    Allowance(
      user: try userID("user"), period: try period("period"),
      windowStart: try requiredMoment("window_start"), tokens: try requiredTokens("tokens"))
  }

  package func scheduledChange() throws(MemberFault) -> ScheduledChange {
    ScheduledChange(
      user: try optionalUserID("user"), updates: try limitUpdates(),
      effectiveAt: try requiredMoment("effective_at"))
  }

  /// Limits that are given; null goes back to the default, an absent one stays.
  package func limitUpdates() throws(MemberFault) -> LimitUpdates {
    try LimitUpdates { (period) throws(MemberFault) in
      if self[period.limitName] == nil { return .keep }
      return try limit(period.limitName).map(LimitUpdate.set) ?? .unset
    }
  }

  package func crossing() throws(MemberFault) -> ThresholdCrossing {
    guard let percent = try required("percent").int64, let small = UInt8(exactly: percent) else {
      throw MemberFault(member: "percent", rule: "must be an integer from 0 to 255")
    }
    guard let limit = try limit("limit") else {
      throw MemberFault(member: "limit", rule: "must be a number")
    }
    return ThresholdCrossing(
      user: try userID("user"), period: try period("period"),
      windowStart: try requiredMoment("window_start"), percent: small, limit: limit,
      used: try requiredTokens("used"))
  }

  package func scheduleEnd() throws(MemberFault) -> Fact {
    guard let schedule = ScheduleID(text: try requiredText("schedule")) else {
      throw MemberFault(member: "schedule", rule: "must be the position of a scheduled change")
    }
    guard let wasApplied = try bool("applied") else {
      throw MemberFault(member: "applied", rule: "is required")
    }
    return .scheduleEnded(schedule, user: try optionalUserID("user"), wasApplied: wasApplied)
  }

  package func mode(_ name: StaticString) throws(MemberFault) -> LimitMode? {
    guard let text = try text(name) else { return nil }
    guard let mode = LimitMode(name: text) else {
      let names = LimitMode.allCases.map(\.name).joined(separator: ", ")
      throw MemberFault(member: name.description, rule: "must be one of \(names)")
    }
    return mode
  }

  package func nanoCredits(_ name: StaticString) throws(MemberFault) -> NanoCredits? {
    guard let value = self[name], value.kind != .null else { return nil }
    guard let number = value.int64, let credits = NanoCredits(number) else {
      throw MemberFault(
        member: name.description, rule: "must be an integer from 0 to 9223372036854775807")
    }
    return credits
  }

  private func requiredNanoCredits(_ name: StaticString) throws(MemberFault) -> NanoCredits {
    guard let credits = try nanoCredits(name) else {
      throw MemberFault(member: name.description, rule: "is required")
    }
    return credits
  }

  private func sessionRef(_ name: StaticString) throws(MemberFault) -> SessionRef? {
    guard let text = try text(name) else { return nil }
    guard let hold = HoldID(text: text) else {
      throw MemberFault(member: name.description, rule: "must be the position of a session's start")
    }
    return SessionRef(hold.position)
  }

  /// Ids of shared budgets; none where the member is absent or null.
  package func budgetIDs(_ name: StaticString) throws(MemberFault) -> [BudgetID] {
    guard let value = self[name], value.kind != .null else { return [] }
    let maximum = Hold.maximumBudgetCount
    guard value.kind == .array, value.count <= maximum else {
      throw MemberFault(
        member: name.description, rule: "must be an array of at most \(maximum) texts")
    }
    var budgets: [BudgetID] = []
    for element in value.elements {
      guard let text = element.string, let budget = try? BudgetID(text), !budgets.contains(budget)
      else {
        throw MemberFault(
          member: name.description, rule: "must hold ids of shared budgets, each once")
      }
      budgets.append(budget)
    }
    return budgets
  }

  private func optionalUserID(_ name: StaticString) throws(MemberFault) -> UserID? {
    guard let value = self[name], value.kind != .null else { return nil }
    return try userID(name)
  }

  package func position(_ name: StaticString, from least: Int64 = 1) throws(MemberFault) -> Position
  {
    guard let number = try required(name).int64, number >= least else {
      throw MemberFault(member: name.description, rule: "must be an integer from \(least)")
    }
    return Position(UInt64(number))
  }

  package func period(_ name: StaticString) throws(MemberFault) -> Period {
    guard let period = Period(name: try requiredText(name)) else {
      throw MemberFault(member: name.description, rule: "must be daily, weekly or monthly")
    }
    return period
  }

  package func objects<Element>(
    _ name: StaticString, atMost maximum: Int,
    _ read: (JSONValue) throws(MemberFault) -> Element
  ) throws(MemberFault) -> [Element] {
    let value = try required(name)
    guard value.kind == .array, value.count <= maximum else {
      throw MemberFault(
        member: name.description, rule: "must be an array of at most \(maximum) objects")
    }
    var elements: [Element] = []
    for element in value.elements {
      guard element.kind == .object else {
        throw MemberFault(member: name.description, rule: "must hold objects")
      }
      elements.append(try read(element))
    }
    return elements
  }
}
