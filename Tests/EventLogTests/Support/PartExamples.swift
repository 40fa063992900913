import QuotaModel

/// Every optional part of a record alone, and every value of a small set.
extension EventExamples {
  static let parts = holdParts + settlementParts + refusalParts + spendParts + smallSets

  private static let holdParts = [
    EventExample("part-hold-session", event(220, .spendHeld(hold { $0.session = session }))),
    EventExample("part-hold-credits", event(221, .spendHeld(hold { $0.credits = credits(5) }))),
    EventExample("part-hold-budgets", event(222, .spendHeld(hold { $0.budgets = [team] }))),
  ]

  private static let settlementParts = [
    settled("credits", 223) { $0.credits = credits(9) },
    settled("overage", 224) { $0.overage = count(1) },
    settled("late", 225) { $0.isLate = true },
    settled("in-session", 226) { $0.isCountedInSession = true },
  ]

  private static let refusalParts = [
    refused("estimate", 227) { $0.estimate = count(7) },
    refused("credits", 228) { $0.credits = credits(5) },
    refused("session", 229) { $0.session = session },
    refused("credit-violations", 230) {
      $0.creditViolations = [
        CreditViolation(budget: team, limit: credits(3), used: credits(2), reserved: credits(1))
      ]
    },
    refused("policy", 231) { $0.policy = Position(17) },
    refused("time-to-live", 232) { $0.timeToLiveSeconds = 86_400 },
    refused("budgets", 233) { $0.budgets = [team] },
  ]

  private static let spendParts = [
    EventExample("part-spend-cache-read", event(234, spent(total: 9, cacheRead: 8))),
    EventExample("part-spend-cache-write", event(235, spent(total: 9, cacheWrite: 8))),
    EventExample("part-spend-reasoning", event(236, spent(total: 9, reasoning: 8))),
    EventExample("part-spend-model", event(237, spent(total: 9, model: "m"))),
  ]

  private static let smallSets =
    Role.allCases.enumerated().map { index, role in
      EventExample(
        "value-role-\(role.name)",
        event(240 + UInt64(index), .userRegistered(ada, role: role)))
    }
    + Weekday.allCases.enumerated().map { index, day in
      EventExample(
        "value-week-start-\(day.name)",
        event(
          250 + UInt64(index), .calendarChanged(CalendarSetting(zone: "UTC", weekStart: day))))
    }
    + LimitMode.allCases.enumerated().map { index, mode in
      EventExample(
        "value-mode-\(mode.name)",
        event(
          260 + UInt64(index),
          .modesChanged(ada, Period.allCases.map { ModeChange(period: $0, old: nil, new: mode) })))
    }

  private static let session = SessionRef(Position(12))
  private static let team = must { try BudgetID("team") }

  private static func hold(_ change: (inout Hold) -> Void) -> Hold {
    var hold = Hold(
      user: ada, tokens: count(1), expiresAt: Moment(microseconds: 1_700_000_300_000_000))
    change(&hold)
    return hold
  }

  private static func settled(
    _ part: String, _ position: UInt64, _ change: (inout Settlement) -> Void
  ) -> EventExample {
    var settlement = Settlement(spend: spend(total: 12))
    change(&settlement)
    return EventExample(
      "part-settlement-\(part)", event(position, .holdSettled(HoldID(Position(70)), settlement)))
  }

  private static func refused(
    _ part: String, _ position: UInt64, _ change: (inout Refusal) -> Void
  ) -> EventExample {
    var refusal = Refusal(user: ada, estimate: nil, violations: [])
    change(&refusal)
    return EventExample("part-refusal-\(part)", event(position, .spendRefused(refusal)))
  }

  private static func credits(_ number: Int64) -> NanoCredits {
    guard let credits = NanoCredits(number) else { preconditionFailure("\(number) are no credits") }
    return credits
  }
}
