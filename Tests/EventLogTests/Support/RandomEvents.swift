import QuotaModel
import TestSupport

/// Events whose every number and text is drawn, extremes more often than anything else.
struct RandomEvents {
  var numbers: SeededNumbers

  mutating func event(at position: Position) -> Event {
    Event(
      position: position, recordedAt: moment(), happenedAt: moment(), actor: actor(),
      requestID: maybe { it in EventExamples.must { try RequestID(it.text(upTo: 456)) } },
      reason: maybe { it in EventExamples.must { try Reason(it.text(upTo: 1000)) } }, fact: fact())
  }

  mutating func fact() -> Fact {
    let kind = one(of: EventKind.allCases)
    return switch kind {
    case .userRegistered: .userRegistered(user(), role: one(of: Role.allCases))
    case .userDeactivated: .userDeactivated(user())
    case .userReactivated: .userReactivated(user())
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
    case .spendHeld: .spendHeld(Hold(user: user(), tokens: count(), expiresAt: moment()))
    case .holdSettled: .holdSettled(HoldID(Position(word())), spend())
    case .holdVoided: .holdVoided(HoldID(Position(word())), user: user())
    case .holdExpired: .holdExpired(HoldID(Position(word())), user: user())
    case .spendRefused: .spendRefused(refusal())
    case .sessionStarted, .sessionResumed, .sessionLimitChanged, .sessionModelChanged,
      .sessionMessageReceived, .sessionCallAdmitted, .sessionCallEnded, .sessionUsageRecorded,
      .sessionMessageAnswered, .sessionTurnEnded, .sessionCheckpointed, .exhaustionRequested,
      .exhaustionAnswered, .sessionWarned, .sessionFailed, .sessionAborted, .sessionWindowStarted,
      .sessionClosed, .sessionDeleted, .budgetChanged:
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
        period: one(of: Period.allCases), limit: limit(), used: count(), reserved: count())
    }
    return Refusal(user: user(), estimate: maybe { $0.count() }, violations: violations)
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
