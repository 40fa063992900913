import QuotaModel

/// Examples of what can happen in sessions and to shared budgets.
extension EventExamples {
  static let sessions = beginnings + calls + usages + questions + warnings + endings

  private static let session = SessionRef(Position(40))
  private static let message = EntryID(random: 0x0123_4567_89AB_CDEF, 0x0FED_CBA9_8765_4321)

  private static let beginnings = [
    EventExample(
      "session-started",
      event(
        40, .sessionStarted(SessionStart(id: id("s1"), user: nil, seed: message)),
        actor: .service)),
    EventExample(
      "session-started-with-everything",
      event(
        41,
        .sessionStarted(
          SessionStart(
            id: id(String(repeating: "x", count: 128)), user: ada, seed: message,
            model: model("m-small"), limit: credits(2_500_000_000), budget: budget("team-1"))))),
    EventExample("session-resumed", happens(.resumed(SessionResume(limit: nil, wasActive: false)))),
    EventExample(
      "session-resumed-capped",
      happens(.resumed(SessionResume(limit: credits(1), wasActive: true)))),
    EventExample(
      "session-limit-changed",
      happens(
        .limitChanged(
          SessionLimitChange(old: nil, new: credits(.max), change: step("c:1 é"))))),
    EventExample(
      "session-limit-removed",
      happens(.limitChanged(SessionLimitChange(old: credits(5), new: nil)))),
    EventExample("session-model-changed", happens(.modelChanged(model("m-large")))),
    EventExample("session-message-received", happens(.messageReceived(message))),
    EventExample("session-window-started", happens(.windowStarted(2))),
  ]

  private static let calls = [
    EventExample(
      "session-call-admitted",
      happens(
        .callAdmitted(
          CallAdmission(
            call: step("call-1"), reservation: credits(1),
            expiresAt: Moment(microseconds: 1_700_000_600_000_000))))),
    EventExample(
      "session-call-admitted-in-turn",
      happens(
        .callAdmitted(
          CallAdmission(
            call: step(String(repeating: "c", count: 200)), reservation: credits(1_600_000_000),
            expiresAt: Moment(microseconds: 1_700_000_600_000_000), turn: 7,
            model: model("m-small"))))),
    EventExample("session-call-dropped", happens(.callEnded(step("call-1"), .dropped))),
    EventExample("session-call-failed", happens(.callEnded(step("call-1"), .failed))),
    EventExample("session-call-aborted", happens(.callEnded(step("call-1"), .aborted))),
    EventExample("session-call-expired", happens(.callEnded(step("call-1"), .expired))),
    EventExample("session-call-lost", happens(.callEnded(step("call-1"), .lost))),
    EventExample(
      "session-call-extended",
      happens(.callExtended(step("call-1"), expiresAt: Moment(microseconds: 1_768_000_700_000_001)))
    ),
    EventExample(
      "session-message-answered",
      happens(.messageAnswered(AssistantMessage(message: message, turn: nil)))),
    EventExample(
      "session-message-answered-in-turn",
      happens(
        .messageAnswered(
          AssistantMessage(
            message: message, turn: 7, outputTokens: count(2500), model: model("m-small"))))),
    EventExample("session-turn-ended", happens(.turnEnded(7))),
  ]

  private static let usages = [
    EventExample(
      "session-usage-unknown",
      happens(
        .usageRecorded(SessionUsage(id: step("u"), user: nil, sequence: 1, cost: .unavailable)))),
    EventExample(
      "session-usage-stated",
      happens(
        .usageRecorded(
          SessionUsage(
            id: step("u-2"), user: ada, sequence: 2, tokens: TokenUsage(total: count(300)),
            cost: .stated(credits(1_600_000_000)))))),
    EventExample(
      "session-usage-priced", happens(.usageRecorded(priced))),
    EventExample(
      "session-checkpointed",
      happens(.checkpointed(SessionTotals(total: credits(3_200_000_000), callCount: 2)))),
  ]

  private static let priced = SessionUsage(
    id: step("u-3"), user: ada, call: step("call-1"), sequence: 3,
    tokens: spend(
      input: 12_000, output: 2500, cacheRead: 8000, cacheWrite: 0, reasoning: 100
    ).usage,
    model: model("m-small"), cost: .priced(credits(1_600_000_000), price), agent: step("agent-1"),
    durationMilliseconds: .max, finishReason: mark("stop"), upstreamID: mark("chatcmpl-1"))

  private static let price: ModelPrice = {
    let price = ModelPrice(
      input: credits(50_000_000), output: credits(400_000_000), cacheRead: credits(5_000_000),
      cacheWrite: credits(0), batchSize: 1000)
    guard let price else { preconditionFailure("the example's price is refused") }
    return price
  }()

  private static let questions = [
    EventExample(
      "exhaustion-requested",
      happens(
        .exhaustionRequested(
          ExhaustionRequest(id: message, used: credits(3), limit: credits(2))))),
    EventExample(
      "exhaustion-requested-by-budget",
      happens(
        .exhaustionRequested(
          ExhaustionRequest(
            id: message, used: credits(.max), limit: credits(.max), budget: budget("b"))))),
    EventExample(
      "exhaustion-answered-add", happens(.exhaustionAnswered(message, .add(credits(1))))),
    EventExample(
      "exhaustion-answered-set", happens(.exhaustionAnswered(message, .set(credits(.max))))),
    EventExample("exhaustion-answered-unset", happens(.exhaustionAnswered(message, .unset))),
    EventExample("exhaustion-answered-cancel", happens(.exhaustionAnswered(message, .cancel))),
    EventExample(
      "budget-made",
      event(42, .budgetChanged(BudgetChange(budget: budget("b"), old: nil, new: credits(1))))),
    EventExample(
      "budget-changed",
      event(
        43,
        .budgetChanged(BudgetChange(budget: budget("b"), old: credits(1), new: credits(.max))))),
  ]

  private static let warnings = [
    EventExample(
      "session-warned-limit",
      happens(.warned(.limitReached(used: credits(3), limit: credits(2))))),
    EventExample(
      "session-warned-budget",
      happens(.warned(.budgetReached(budget("b"), used: credits(3), limit: credits(2))))),
    EventExample(
      "session-warned-quota",
      happens(
        .warned(
          .quotaReached([
            Violation(period: .daily, limit: limit(100), used: count(99), reserved: count(1))
          ])))),
    EventExample(
      "session-warned-price",
      happens(.warned(.unknownPrice(model("m-new"), isRefused: false)))),
    EventExample(
      "session-warned-price-refused",
      happens(.warned(.unknownPrice(model("m-new"), isRefused: true)))),
    EventExample("session-option-ignored", happens(.optionIgnored(mark("reasoningEffort")))),
    EventExample("session-failed", happens(.failed(SessionError(kind: mark("no_route"))))),
    EventExample(
      "session-failed-with-status",
      happens(.failed(SessionError(kind: mark("upstream"), statusCode: 502)))),
  ]

  private static let endings = [
    EventExample("session-aborted", happens(.aborted)),
    EventExample("session-closed", happens(.closed(.routine))),
    EventExample("session-closed-by-error", happens(.closed(.error))),
    EventExample("session-deleted", happens(.deleted)),
  ]

  private static func happens(_ fact: SessionFact) -> Event {
    event(50, .session(session, fact), actor: .user(ada))
  }

  private static func id(_ text: String) -> SessionID { must { try SessionID(text) } }
  private static func budget(_ text: String) -> BudgetID { must { try BudgetID(text) } }
  private static func model(_ text: String) -> ModelName { must { try ModelName(text) } }
  private static func step(_ text: String) -> StepID { must { try StepID(text) } }
  private static func mark(_ text: String) -> CallMark { must { try CallMark(text) } }

  private static func credits(_ number: Int64) -> NanoCredits {
    guard let amount = NanoCredits(number) else { preconditionFailure("\(number) is no amount") }
    return amount
  }
}
