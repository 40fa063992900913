import QuotaModel
import Testing

@Suite struct `The numbers in a record` {
  /// They are in logs that exist: a new kind takes the next number, nothing else may change here.
  @Test func `stand for these kinds of events for ever`() {
    let kinds = [
      1: "user_registered", 2: "user_deactivated", 3: "user_reactivated", 4: "role_changed",
      5: "token_issued", 6: "token_revoked", 7: "defaults_changed", 8: "limits_changed",
      9: "calendar_changed", 10: "tokens_spent", 11: "spend_held", 12: "hold_settled",
      13: "hold_voided", 14: "hold_expired", 15: "spend_refused",
      16: "session_started", 17: "session_resumed", 18: "session_limit_changed",
      19: "session_model_changed", 20: "session_message_received", 21: "session_call_admitted",
      22: "session_call_ended", 23: "session_usage_recorded", 24: "session_message_answered",
      25: "session_turn_ended", 26: "session_checkpointed", 27: "exhaustion_requested",
      28: "exhaustion_answered", 29: "session_warned", 30: "session_failed",
      31: "session_aborted", 32: "session_window_started", 33: "session_closed",
      34: "session_deleted", 35: "budget_changed", 36: "spend_shadowed", 37: "hold_drawn",
      38: "hold_extended",
      39: "usage_corrected", 40: "modes_changed", 41: "allowance_granted",
      42: "limits_scheduled", 43: "schedule_ended", 44: "threshold_crossed",
      45: "user_erased", 46: "session_call_extended",
      47: "session_option_ignored",
    ]
    let found = EventKind.allCases.map { (Int($0.rawValue), $0.name) }
    #expect(Dictionary(uniqueKeysWithValues: found) == kinds)
  }

  @Test func `stand for these roles for ever`() {
    #expect(
      Role.allCases.map { "\($0.rawValue) \($0.name)" }
        == ["0 user", "1 support", "2 staff", "3 service", "4 auditor"])
  }
}

@Suite struct `A name of a kind or a role` {
  @Test func `is read as it is written`() {
    for kind in EventKind.allCases { #expect(EventKind(name: kind.name) == kind) }
    for role in Role.allCases { #expect(Role(name: role.name) == role) }
  }

  @Test(arguments: ["", "User", "user ", "tokens_Spent", "TOKENS_SPENT", "0"])
  func `is read no other way`(name: String) {
    #expect(EventKind(name: name) == nil)
    #expect(Role(name: name) == nil)
  }
}

@Suite struct `A role` {
  @Test(arguments: [
    (Role.user, []), (.support, ["read", "quotas"]),
    (.staff, ["read", "quotas", "record", "events", "users"]), (.service, ["read", "record"]),
    (.auditor, ["read", "events"]),
  ]) func `may do this and nothing else`(role: Role, rights: [String]) {
    var found: [String] = []
    if role.mayReadAnyUsage { found.append("read") }
    if role.maySetQuotas { found.append("quotas") }
    if role.mayRecordUsage { found.append("record") }
    if role.mayReadEvents { found.append("events") }
    if role.mayManageUsers { found.append("users") }
    #expect(found == rights)
  }
}

@Suite struct `A fact` {
  private static let ada = UserID(high: 1, low: 2)
  private static let spend = Spend(user: ada, usage: TokenUsage(total: .zero))
  private static let hold = HoldID(Position(1))

  @Test(
    arguments: [
      (Fact.userRegistered(ada, role: .user), .userRegistered),
      (.userDeactivated(ada), .userDeactivated),
      (.userReactivated(ada), .userReactivated),
      (.userErased(ada), .userErased),
      (.roleChanged(ada, old: .user, new: .staff), .roleChanged),
      (
        .tokenIssued(TokenIssue(token: TokenID(1), user: ada, digest: TokenDigest((0, 0, 0, 0)))),
        .tokenIssued
      ),
      (.tokenRevoked(TokenID(1), user: ada), .tokenRevoked),
      (.limitsChanged(ada, []), .limitsChanged),
      (.tokensSpent(spend), .tokensSpent),
      (.spendHeld(Hold(user: ada, tokens: .zero, expiresAt: .latest)), .spendHeld),
      (.holdSettled(hold, Settlement(spend: spend)), .holdSettled),
      (.holdVoided(hold, user: ada), .holdVoided),
      (.holdExpired(hold, user: ada), .holdExpired),
      (.spendRefused(Refusal(user: ada, estimate: nil, violations: [])), .spendRefused),
      (.spendShadowed(Refusal(user: ada, estimate: nil, violations: [])), .spendShadowed),
      (.holdDrawn(hold, Settlement(spend: spend)), .holdDrawn),
      (.holdExtended(hold, user: ada, expiresAt: .latest), .holdExtended),
      (
        .usageCorrected(
          Correction(
            user: ada, corrected: Position(1), old: .zero, usage: TokenUsage(total: .zero))),
        .usageCorrected
      ),
      (.modesChanged(ada, []), .modesChanged),
      (
        .allowanceGranted(
          Allowance(user: ada, period: .daily, windowStart: .latest, tokens: .zero)),
        .allowanceGranted
      ),
      (
        .limitsScheduled(
          ScheduledChange(
            user: ada, updates: LimitUpdates(repeating: .unset), effectiveAt: .latest)),
        .limitsScheduled
      ),
      (.scheduleEnded(ScheduleID(Position(1)), user: ada, wasApplied: true), .scheduleEnded),
      (
        .thresholdCrossed(
          ThresholdCrossing(
            user: ada, period: .daily, windowStart: .latest, percent: 50, limit: .unlimited,
            used: .zero)),
        .thresholdCrossed
      ),
    ] as [(Fact, EventKind)])
  func `has a kind and concerns its user`(fact: Fact, kind: EventKind) {
    #expect(fact.kind == kind)
    #expect(fact.user == Self.ada)
  }

  @Test(
    arguments: [
      (Fact.defaultsChanged([]), .defaultsChanged), (.calendarChanged(.default), .calendarChanged),
      (.modesChanged(nil, []), .modesChanged),
      (.scheduleEnded(ScheduleID(Position(1)), user: nil, wasApplied: false), .scheduleEnded),
    ] as [(Fact, EventKind)])
  func `about the whole system concerns no user`(fact: Fact, kind: EventKind) {
    #expect(fact.kind == kind)
    #expect(fact.user == nil)
  }
}
