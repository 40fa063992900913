import QuotaModel

/// Every optional part of what happens in sessions alone.
extension EventExamples {
  static let sessionParts = startParts + usageParts + otherParts + budgetParts

  private static let startParts = [
    started("user", 270) { $0.user = ada },
    started("model", 271) { $0.model = model },
    started("limit", 272) { $0.limit = credits(0) },
    started("budget", 273) { $0.budget = must { try BudgetID("b") } },
  ]

  private static let usageParts = [
    used("user", 274) { $0.user = ada },
    used("call", 275) { $0.call = step("c") },
    used("tokens", 276) { $0.tokens = spend(total: 5).usage },
    used("input", 277) { $0.tokens = spend(input: 5).usage },
    used("output", 278) { $0.tokens = spend(output: 5).usage },
    used("cache-read", 279) { $0.tokens = spend(total: 5, cacheRead: 4).usage },
    used("cache-write", 280) { $0.tokens = spend(total: 5, cacheWrite: 4).usage },
    used("reasoning", 281) { $0.tokens = spend(total: 5, reasoning: 4).usage },
    used("model", 282) { $0.model = model },
    used("cost", 283) { $0.cost = .stated(credits(0)) },
    used("agent", 284) { $0.agent = step("a") },
    used("duration", 285) { $0.durationMilliseconds = 0 },
    used("finish-reason", 286) { $0.finishReason = must { try CallMark("stop") } },
    used("upstream", 287) { $0.upstreamID = must { try CallMark("x-1") } },
    used("estimate", 288) { $0.estimate = credits(1) },
  ]

  private static let otherParts = [
    happens("admission-turn", 290, .callAdmitted(admission { $0.turn = 1 })),
    happens("admission-model", 291, .callAdmitted(admission { $0.model = model })),
    happens("answer-turn", 292, .messageAnswered(answer { $0.turn = 1 })),
    happens("answer-output", 293, .messageAnswered(answer { $0.outputTokens = count(0) })),
    happens("answer-model", 294, .messageAnswered(answer { $0.model = model })),
    happens("limit-change-old", 295, .limitChanged(SessionLimitChange(old: credits(0), new: nil))),
    happens("limit-change-new", 296, .limitChanged(SessionLimitChange(old: nil, new: credits(0)))),
    happens(
      "limit-change-id", 297,
      .limitChanged(SessionLimitChange(old: nil, new: nil, change: step("c")))),
  ]

  private static let budgetParts = [
    budget("open", 298, .open), budget("members", 299, .members([ada].sorted())),
    budget("no-members", 300, .nobody),
  ]

  private static func budget(
    _ part: String, _ position: UInt64, _ access: BudgetAccess
  ) -> EventExample {
    let change = BudgetChange(
      budget: must { try BudgetID("b") }, old: nil, new: credits(1), access: access)
    return EventExample("part-budget-\(part)", event(position, .budgetChanged(change)))
  }

  private static let message = EntryID(random: 1, 2)
  private static let model = must { try ModelName("m") }

  private static func started(
    _ part: String, _ position: UInt64, _ change: (inout SessionStart) -> Void
  ) -> EventExample {
    var start = SessionStart(id: must { try SessionID("s") }, user: nil, seed: message)
    change(&start)
    return EventExample("part-session-\(part)", event(position, .sessionStarted(start)))
  }

  private static func used(
    _ part: String, _ position: UInt64, _ change: (inout SessionUsage) -> Void
  ) -> EventExample {
    var usage = SessionUsage(id: step("u"), user: nil, sequence: 1, cost: .unavailable)
    change(&usage)
    return happens("usage-\(part)", position, .usageRecorded(usage))
  }

  private static func happens(
    _ part: String, _ position: UInt64, _ fact: SessionFact
  ) -> EventExample {
    EventExample(
      "part-session-\(part)", event(position, .session(SessionRef(Position(40)), fact)))
  }

  private static func admission(_ change: (inout CallAdmission) -> Void) -> CallAdmission {
    var admission = CallAdmission(
      call: step("c"), reservation: credits(0),
      expiresAt: Moment(microseconds: 1_700_000_600_000_000))
    change(&admission)
    return admission
  }

  private static func answer(_ change: (inout AssistantMessage) -> Void) -> AssistantMessage {
    var answer = AssistantMessage(message: message, turn: nil)
    change(&answer)
    return answer
  }

  private static func step(_ text: String) -> StepID { must { try StepID(text) } }

  private static func credits(_ number: Int64) -> NanoCredits {
    guard let credits = NanoCredits(number) else { preconditionFailure("\(number) are no credits") }
    return credits
  }
}
