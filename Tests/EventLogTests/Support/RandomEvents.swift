import QuotaModel
import TestSupport

/// Events whose every number and text is drawn, extremes more often than anything else.
struct RandomEvents {
  var numbers: SeededNumbers

  mutating func event(at position: Position) -> Event {
    Event(
      position: position, recordedAt: moment(), decidedAt: maybe { $0.moment() },
      happenedAt: moment(), actor: actor(),
      requestID: maybe { it in EventExamples.must { try RequestID(it.text(upTo: 456)) } },
      reason: maybe { it in EventExamples.must { try Reason(it.text(upTo: 1000)) } }, fact: fact())
  }

  mutating func fact() -> Fact {
    let kind = one(of: EventKind.allCases)
    return switch kind {
    case .userRegistered: .userRegistered(user(), role: one(of: Role.allCases))
    case .userDeactivated: .userDeactivated(user())
    case .userReactivated: .userReactivated(user())
    case .userErased: .userErased(user())
    case .roleChanged:
      .roleChanged(user(), old: one(of: Role.allCases), new: one(of: Role.allCases))
    case .tokenIssued: .tokenIssued(issue())
    case .tokenRevoked: .tokenRevoked(TokenID(word()), user: user())
    case .defaultsChanged: .defaultsChanged(changes())
    case .limitsChanged: .limitsChanged(user(), changes())
    case .calendarChanged:
      .calendarChanged(
        CalendarSetting(zone: text(upTo: 64), weekStart: one(of: Weekday.allCases)))
    case .tokensSpent: .tokensSpent(spend())
    case .spendHeld: .spendHeld(hold())
    case .holdSettled: .holdSettled(HoldID(Position(word())), settlement())
    case .holdDrawn: .holdDrawn(HoldID(Position(word())), settlement())
    case .holdExtended:
      .holdExtended(HoldID(Position(word())), user: user(), expiresAt: moment())
    case .usageCorrected:
      .usageCorrected(
        Correction(user: user(), corrected: Position(max(1, word())), old: count(), usage: usage()))
    case .modesChanged: .modesChanged(maybe { $0.user() }, modeChanges())
    case .allowanceGranted:
      .allowanceGranted(
        Allowance(
          user: user(), period: one(of: Period.allCases), windowStart: moment(), tokens: count()))
    case .limitsScheduled:
      .limitsScheduled(
        ScheduledChange(
          user: maybe { $0.user() }, updates: LimitUpdates { _ in limitUpdate() },
          effectiveAt: moment()))
    case .scheduleEnded:
      .scheduleEnded(
        ScheduleID(Position(word())), user: maybe { $0.user() }, wasApplied: int(2) == 0)
    case .thresholdCrossed:
      .thresholdCrossed(
        ThresholdCrossing(
          user: user(), period: one(of: Period.allCases), windowStart: moment(),
          percent: UInt8(int(256)), limit: limit(), used: count()))
    case .spendShadowed: .spendShadowed(refusal())
    case .holdVoided: .holdVoided(HoldID(Position(word())), user: user())
    case .holdExpired: .holdExpired(HoldID(Position(word())), user: user())
    case .spendRefused: .spendRefused(refusal())
    case .sessionStarted, .sessionResumed, .sessionLimitChanged, .sessionModelChanged,
      .sessionMessageReceived, .sessionCallAdmitted, .sessionCallEnded, .sessionCallExtended,
      .sessionUsageRecorded,
      .sessionMessageAnswered, .sessionTurnEnded, .sessionCheckpointed, .exhaustionRequested,
      .exhaustionAnswered, .sessionWarned, .sessionFailed, .sessionAborted, .sessionWindowStarted,
      .sessionClosed, .sessionDeleted, .sessionOptionIgnored, .budgetChanged:
      sessionFact(of: kind)
    }
  }

  private mutating func sessionFact(of kind: EventKind) -> Fact {
    var facts = RandomSessionFacts(numbers: numbers)
    defer { numbers = facts.numbers }
    return facts.fact(of: kind)
  }

  mutating func spend() -> Spend {
    Spend(
      user: user(), usage: usage(),
      model: maybe { it in EventExamples.must { try ModelName(it.text(upTo: 255)) } })
  }

  /// Draws until the numbers fit together; parts are halved so that they often do.
  private mutating func usage() -> TokenUsage {
    while true {
      let input = maybe { $0.count(atMost: .max / 2) }
      let output = maybe { $0.count(atMost: .max / 2) }
      let total = input == nil && output == nil ? count() : nil
      let bound = input?.rawValue ?? output?.rawValue ?? total?.rawValue ?? 0
      let usage = try? TokenUsage(
        total: total, input: input, output: output,
        cacheRead: maybe { $0.count(atMost: bound) }, cacheWrite: maybe { $0.count(atMost: bound) },
        reasoning: maybe { $0.count(atMost: bound) })
      if let usage { return usage }
    }
  }

  private mutating func refusal() -> Refusal {
    let violations = (0..<int(4)).map { _ in
      Violation(
        period: one(of: Period.allCases), limit: limit(), used: count(), reserved: count(),
        mode: one(of: LimitMode.allCases))
    }
    let creditViolations = (0..<int(3)).map { _ in
      CreditViolation(
        budget: maybe { $0.budget() }, limit: credits(), used: credits(), reserved: credits())
    }
    return Refusal(
      user: user(), estimate: maybe { $0.count() }, violations: violations,
      credits: maybe { $0.credits() }, session: maybe { SessionRef(Position($0.word())) },
      creditViolations: creditViolations, policy: maybe { Position($0.word()) },
      timeToLiveSeconds: maybe { Int64($0.int(86_401)) },
      budgets: budgets())
  }

  private mutating func hold() -> Hold {
    Hold(
      user: user(), tokens: count(), expiresAt: moment(),
      session: maybe { SessionRef(Position($0.word())) }, credits: credits(),
      budgets: budgets())
  }

  /// Each once.
  private mutating func budgets() -> [BudgetID] {
    Set((0..<int(4)).map { _ in budget() }).sorted { $0.description < $1.description }
  }

  private mutating func settlement() -> Settlement {
    Settlement(
      spend: spend(), credits: credits(), overage: count(), isLate: int(2) == 0,
      isCountedInSession: int(2) == 0, isCostUnknown: int(2) == 0)
  }

  private mutating func modeChanges() -> [ModeChange] {
    (0..<int(4)).map { _ in
      ModeChange(
        period: one(of: Period.allCases), old: maybe { $0.one(of: LimitMode.allCases) },
        new: maybe { $0.one(of: LimitMode.allCases) })
    }
  }

  private mutating func limitUpdate() -> LimitUpdate {
    switch int(3) {
    case 0: .keep
    case 1: .unset
    default: .set(limit())
    }
  }

  private mutating func credits() -> NanoCredits {
    NanoCredits(count().rawValue) ?? .zero
  }

  private mutating func budget() -> BudgetID {
    let length = one(of: [1, 1 + int(20), 128])
    return EventExamples.must { try BudgetID(String(repeating: "b", count: length)) }
  }

  private mutating func issue() -> TokenIssue {
    TokenIssue(
      token: TokenID(word()), user: user(), digest: TokenDigest((word(), word(), word(), word())),
      // The latest number of all stands for "never" in a record.
      expiresAt: maybe { it in Moment(microseconds: min(it.moment().microseconds, .max - 1)) })
  }

  private mutating func changes() -> [LimitChange] {
    (0..<int(4)).map { _ in
      LimitChange(
        period: one(of: Period.allCases), old: maybe { $0.limit() }, new: maybe { $0.limit() })
    }
  }

  private mutating func limit() -> TokenLimit {
    let bound = Int64.random(in: TokenLimit.range, using: &numbers)
    return EventExamples.limit(one(of: [-1, 0, 1, TokenLimit.range.upperBound, bound]))
  }

  private mutating func count(atMost bound: Int64 = .max) -> TokenCount {
    let width = int(64)
    let number = width == 0 ? bound : Int64(numbers.next() >> UInt64(width))
    return EventExamples.count(min(number, bound))
  }

  private mutating func moment() -> Moment {
    let recent = Int64.random(in: 0..<2_000_000_000_000_000, using: &numbers)
    return Moment(microseconds: one(of: [.min, -1, 0, 1, recent, recent, recent, .max]))
  }

  private mutating func actor() -> Actor { one(of: [.service, .operator, .user(user())]) }

  mutating func user() -> UserID { UserID(high: word(), low: word()) }

  private mutating func word() -> UInt64 { one(of: [0, 1, .max, numbers.next(), numbers.next()]) }

  private mutating func text(upTo maximum: Int) -> String {
    let letters = ["a", "Z", " ", "/", "é", "漢", "👋", "\"", "\\", "\u{80}"]
    let wanted = one(of: [1, 1 + int(20), maximum])
    var text = ""
    while text.utf8.count < wanted {
      let letter = one(of: letters)
      text += text.utf8.count + letter.utf8.count <= maximum ? letter : "x"
    }
    return text
  }

  private mutating func maybe<Value>(_ draw: (inout RandomEvents) -> Value) -> Value? {
    numbers.next() & 1 == 0 ? nil : draw(&self)
  }

  mutating func one<Value>(of values: [Value]) -> Value { values[int(values.count)] }

  mutating func int(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &numbers) }

}
