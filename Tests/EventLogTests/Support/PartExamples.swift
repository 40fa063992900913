import QuotaModel
import TestSupport

/// Every optional part of a record alone, and every value of a small set.
extension EventExamples {
  static let parts =
    holdParts + settlementParts + refusalParts + spendParts + smallSets + everything

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
    settled("cost-unknown", 280) { $0.isCostUnknown = true },
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
          .modesChanged(
            ada,
            CountedPeriod.allCases.map { ModeChange(period: $0.period, old: nil, new: mode) })))
    }

  /// What the others leave out of kinds that have the members of another one.
  private static let everything = [
    settled("usage", 270) { $0.spend = spend(everything: wholeUsage) },
    EventExample(
      "hold-drawn-everything",
      event(
        271,
        .holdDrawn(
          HoldID(Position(70)),
          Settlement(
            spend: spend(everything: wholeUsage), credits: credits(7), overage: count(3),
            isLate: true, isCountedInSession: true, isCostUnknown: true)))),
    EventExample("spend-shadowed-everything", event(272, .spendShadowed(refusal(budgets: 1...1)))),
    EventExample(
      "spend-shadowed-least",
      event(273, .spendShadowed(Refusal(user: ada, estimate: nil, violations: [])))),
    EventExample(
      "usage-corrected-everything",
      event(
        274,
        .usageCorrected(
          Correction(user: ada, corrected: Position(22), old: count(500), usage: wholeUsage)))),
    EventExample(
      "usage-corrected-total",
      event(
        275,
        .usageCorrected(
          Correction(
            user: ada, corrected: Position(22), old: count(500), usage: spend(total: 5).usage)))),
    EventExample(
      "limits-scheduled-one",
      event(
        276,
        .limitsScheduled(
          ScheduledChange(
            user: ada, updates: LimitUpdates { $0 == .monthly ? .unset : .keep },
            effectiveAt: Moment(microseconds: 1_800_000_000_000_000))))),
    EventExample(
      "limits-changed-yearly",
      event(
        278, .limitsChanged(ada, [LimitChange(period: .yearly, old: nil, new: limit(1_000_000))]))),
    EventExample(
      "limits-scheduled-yearly",
      event(
        279,
        .limitsScheduled(
          ScheduledChange(
            user: ada, updates: LimitUpdates { $0 == .yearly ? .set(limit(9)) : .keep },
            effectiveAt: Moment(microseconds: 1_800_000_000_000_000))))),
    EventExample(
      "limits-scheduled-first",
      event(
        277,
        .limitsScheduled(
          ScheduledChange(
            user: ada, updates: LimitUpdates { $0 == .daily ? .unset : .keep },
            effectiveAt: Moment(microseconds: 1_800_000_000_000_000))))),
  ]

  /// Everything that a refusal can say at its longest.
  static let longestRefusal = refusal(budgets: 0...9)

  private static func refusal(budgets: ClosedRange<Int>) -> Refusal {
    Refusal(
      user: ada, estimate: .maximum,
      violations: Period.allCases.prefix(3).map {
        Violation(
          period: $0, limit: .highest, used: .maximum, reserved: .maximum, mode: .shadow)
      }, credits: .maximum, session: SessionRef(Position(12)),
      creditViolations: budgets.map(longestBudget).map {
        CreditViolation(budget: $0, limit: .maximum, used: .maximum, reserved: .maximum)
      }, policy: Position(19), timeToLiveSeconds: 86_400,
      budgets: budgets.prefix(8).map(longestBudget))
  }

  private static func longestBudget(_ number: Int) -> BudgetID {
    must { try BudgetID("\(number)" + String(repeating: "b", count: 127)) }
  }

  private static let wholeUsage = must {
    try TokenUsage(
      input: count(10), output: count(5), cacheRead: count(4), cacheWrite: count(3),
      reasoning: count(2))
  }

  private static func spend(everything usage: TokenUsage) -> Spend {
    Spend(user: ada, usage: usage, model: must { try ModelName("m") })
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
