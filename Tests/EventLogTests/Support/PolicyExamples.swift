import QuotaModel
import TestSupport

/// Holds in every shape, and what changes limits and usage afterwards.
extension EventExamples {
  static let policies: [EventExample] = [
    EventExample(
      "spend-held-session",
      event(70, .spendHeld(hold(session: 12, credits: 1_600_000_000, budgets: [])))),
    EventExample(
      "spend-held-budgets",
      event(71, .spendHeld(hold(session: nil, credits: .max, budgets: ["team", longest])))),
    EventExample(
      "spend-held-everything",
      event(72, .spendHeld(hold(session: 12, credits: 1, budgets: ["team"])))),
    EventExample(
      "hold-settled-overage",
      event(
        73,
        .holdSettled(
          HoldID(Position(70)), Settlement(spend: spend(total: 5000), overage: count(904))))),
    EventExample(
      "hold-settled-everything",
      event(
        74,
        .holdSettled(
          HoldID(Position(70)),
          Settlement(
            spend: spend(input: 1, output: 2, model: "m"), credits: credits(7), overage: count(3),
            isLate: true, isCountedInSession: true)))),
    EventExample(
      "hold-drawn",
      event(75, .holdDrawn(HoldID(Position(70)), Settlement(spend: spend(total: 12))))),
    EventExample(
      "hold-drawn-in-session",
      event(
        76,
        .holdDrawn(
          HoldID(Position(70)), Settlement(spend: spend(total: 12), isCountedInSession: true)))),
    EventExample(
      "hold-extended",
      event(
        77,
        .holdExtended(
          HoldID(Position(70)), user: ada,
          expiresAt: Moment(microseconds: 1_700_000_900_000_000)))),
    EventExample(
      "spend-refused-everything",
      event(
        78,
        .spendRefused(
          Refusal(
            user: ada, estimate: count(10),
            violations: [
              Violation(
                period: .weekly, limit: limit(9), used: count(8), reserved: count(0), mode: .soft)
            ], credits: credits(5), session: SessionRef(Position(12)),
            creditViolations: [
              CreditViolation(
                budget: nil, limit: credits(4), used: credits(3), reserved: credits(2)),
              CreditViolation(
                budget: budget("team"), limit: credits(.max), used: credits(0),
                reserved: credits(.max)),
            ], policy: Position(19))))),
    EventExample(
      "spend-refused-hold",
      event(
        89,
        .spendRefused(
          Refusal(
            user: ada, estimate: count(10), violations: [], timeToLiveSeconds: 600,
            budgets: [budget("team"), budget("lab")])))),
    EventExample(
      "spend-shadowed",
      event(
        79,
        .spendShadowed(
          Refusal(
            user: ada, estimate: nil,
            violations: [
              Violation(
                period: .daily, limit: limit(1), used: count(2), reserved: count(0), mode: .shadow)
            ], policy: .zero)))),
    EventExample(
      "usage-corrected",
      event(
        80,
        .usageCorrected(
          Correction(
            user: ada, corrected: Position(22), old: count(500),
            usage: spend(input: 300, output: 100).usage)))),
    EventExample(
      "modes-changed",
      event(
        81,
        .modesChanged(
          ada,
          [
            ModeChange(period: .daily, old: nil, new: .shadow),
            ModeChange(period: .monthly, old: .soft, new: nil),
          ]))),
    EventExample(
      "modes-changed-defaults",
      event(82, .modesChanged(nil, [ModeChange(period: .weekly, old: .hard, new: .soft)]))),
    EventExample(
      "allowance-granted",
      event(
        83,
        .allowanceGranted(
          Allowance(
            user: ada, period: .monthly, windowStart: Moment(microseconds: 1_698_796_800_000_000),
            tokens: count(50_000))), reason: "exam week")),
    EventExample(
      "limits-scheduled",
      event(
        84,
        .limitsScheduled(
          ScheduledChange(
            user: ada, updates: LimitUpdates(daily: .set(limit(5)), weekly: .unset, monthly: .keep),
            effectiveAt: Moment(microseconds: 1_800_000_000_000_000))))),
    EventExample(
      "limits-scheduled-defaults",
      event(
        85,
        .limitsScheduled(
          ScheduledChange(
            user: nil,
            updates: LimitUpdates {
              $0 == .yearly ? .keep : .set(.unlimited)
            },
            effectiveAt: Moment(microseconds: 1_800_000_000_000_000))))),
    EventExample(
      "schedule-ended",
      event(86, .scheduleEnded(ScheduleID(Position(84)), user: ada, wasApplied: true))),
    EventExample(
      "schedule-ended-cancelled",
      event(87, .scheduleEnded(ScheduleID(Position(85)), user: nil, wasApplied: false))),
    EventExample(
      "threshold-crossed",
      event(
        88,
        .thresholdCrossed(
          ThresholdCrossing(
            user: ada, period: .weekly, windowStart: Moment(microseconds: 1_699_833_600_000_000),
            percent: 80, limit: limit(1000), used: count(803))), actor: .service)),
  ]

  private static let longest = String(repeating: "b", count: 128)

  private static func hold(session: UInt64?, credits: Int64, budgets: [String]) -> Hold {
    Hold(
      user: ada, tokens: count(4096), expiresAt: Moment(microseconds: 1_700_000_300_000_000),
      session: session.map { SessionRef(Position($0)) }, credits: self.credits(credits),
      budgets: budgets.map(budget))
  }

  private static func budget(_ text: String) -> BudgetID { must { try BudgetID(text) } }

  private static func credits(_ number: Int64) -> NanoCredits {
    guard let credits = NanoCredits(number) else { preconditionFailure("\(number) are no credits") }
    return credits
  }
}
