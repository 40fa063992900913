import QuotaModel
import Testing

/// An event and what it is an example of.
struct EventExample: Sendable, CustomTestStringConvertible {
  let name: String
  let event: Event

  var testDescription: String { name }

  init(_ name: String, _ event: Event) {
    self.name = name
    self.event = event
  }
}

/// One event of every kind and of every shape that its record can have.
enum EventExamples {
  static let all =
    headers + users + tokens + limits + spends + holds + refusals + sessions + policies + parts
    + sessionParts

  static let ada = UserID(high: 0x0123_4567_89AB_4DEF, low: 0x8123_4567_89AB_CDEF)
  static let eve = UserID(high: .max, low: .max)

  private static let headers = [
    EventExample(
      "actor-service", event(1, .userDeactivated(UserID(high: 0, low: 0)), actor: .service)),
    EventExample("actor-operator", event(2, .userDeactivated(ada), actor: .operator)),
    EventExample("actor-user", event(3, .userDeactivated(ada), actor: .user(eve))),
    EventExample("request-id", event(4, .userDeactivated(ada), requestID: "r")),
    EventExample("reason", event(5, .userDeactivated(ada), reason: "Sie ging. 👋")),
    EventExample(
      "everything-longest",
      event(
        .max, .userDeactivated(ada), actor: .user(ada),
        requestID: String(repeating: "é", count: 228), reason: String(repeating: "ö", count: 500))),
    EventExample(
      "decided-earlier",
      event(
        227, .userDeactivated(ada), actor: .user(eve), requestID: "r",
        reason: "The clock came back.",
        decidedAt: 1_690_000_000_000_001)),
    EventExample(
      "times-earliest", event(6, .userDeactivated(ada), recordedAt: 0, happenedAt: .min)),
    EventExample(
      "times-latest",
      event(
        7, .userDeactivated(ada), recordedAt: Moment.latest.microseconds, happenedAt: .max)),
  ]

  private static let users = [
    EventExample("user-registered", event(8, .userRegistered(ada, role: .user))),
    EventExample("user-registered-auditor", event(9, .userRegistered(eve, role: .auditor))),
    EventExample("user-deactivated", event(10, .userDeactivated(ada))),
    EventExample("user-reactivated", event(11, .userReactivated(ada))),
    EventExample("user-erased", event(210, .userErased(ada))),
    EventExample("role-changed", event(12, .roleChanged(ada, old: .support, new: .staff))),
    EventExample("role-changed-service", event(13, .roleChanged(ada, old: .service, new: .user))),
  ]

  private static let tokens = [
    EventExample("token-issued", event(14, .tokenIssued(issue(expiresAt: nil)))),
    EventExample(
      "token-issued-expiring",
      event(15, .tokenIssued(issue(expiresAt: Moment(microseconds: 1_800_000_000_000_001))))),
    EventExample(
      "token-revoked", event(16, .tokenRevoked(TokenID(0xFEDC_BA98_7654_3210), user: ada))),
  ]

  private static let limits = [
    EventExample("defaults-changed-nothing", event(17, .defaultsChanged([]))),
    EventExample("defaults-changed", event(18, .defaultsChanged([change(.monthly, nil, 0)]))),
    EventExample("limits-changed", event(19, .limitsChanged(ada, changes))),
    EventExample(
      "calendar-changed",
      event(20, .calendarChanged(CalendarSetting(zone: "Europe/Tallinn", weekStart: .sunday)))),
    EventExample("calendar-changed-utc", event(21, .calendarChanged(.default))),
  ]

  private static let spends = [
    EventExample("tokens-spent-nothing", event(22, spent(total: 0))),
    EventExample("tokens-spent-total", event(23, spent(total: 128))),
    EventExample("tokens-spent-most", event(24, spent(total: .max))),
    EventExample("tokens-spent-input", event(25, spent(input: 16_384))),
    EventExample("tokens-spent-output", event(26, spent(output: 127))),
    EventExample(
      "tokens-spent-parts",
      event(
        27, spent(input: 300, output: 200, cacheRead: 299, cacheWrite: 300, reasoning: 200),
        requestID: "0198c0de-0000-7000-8000-000000000001")),
    EventExample(
      "tokens-spent-parts-of-total",
      event(28, spent(total: 9, cacheRead: 9, cacheWrite: 0, reasoning: 8))),
    EventExample("tokens-spent-model", event(29, spent(input: 1, output: 2, model: "gpt-5 mini"))),
    EventExample(
      "tokens-spent-longest-model",
      event(30, spent(total: 3, model: String(repeating: "m", count: 255)))),
  ]

  private static let holds = [
    EventExample(
      "spend-held",
      event(
        31,
        .spendHeld(
          Hold(
            user: ada, tokens: count(4096), expiresAt: Moment(microseconds: 1_700_000_300_000_000)
          )))),
    EventExample(
      "hold-settled",
      event(32, .holdSettled(HoldID(Position(31)), Settlement(spend: spend(total: 4000))))),
    EventExample(
      "hold-settled-model",
      event(
        33,
        .holdSettled(
          HoldID(Position(.max)), Settlement(spend: spend(input: 1, output: 1, model: "m"))))),
    EventExample("hold-voided", event(34, .holdVoided(HoldID(Position(31)), user: ada))),
    EventExample(
      "hold-expired", event(35, .holdExpired(HoldID(Position(31)), user: ada), actor: .service)),
  ]

  private static let refusals = [
    EventExample(
      "spend-refused-any",
      event(36, .spendRefused(Refusal(user: ada, estimate: nil, violations: [])))),
    EventExample(
      "spend-refused",
      event(37, .spendRefused(Refusal(user: ada, estimate: count(0), violations: violations)))),
  ]

  private static let changes = [
    change(.daily, nil, -1), change(.weekly, 0, 9_007_199_254_740_991), change(.monthly, 5, nil),
  ]

  private static let violations = [
    Violation(period: .daily, limit: .unlimited, used: count(.max), reserved: count(0)),
    Violation(period: .weekly, limit: limit(100), used: count(99), reserved: count(1)),
    Violation(period: .monthly, limit: limit(0), used: count(0), reserved: count(.max)),
  ]
}

extension EventExamples {
  /// The shortest beginning of a log.
  static let first = event(1, .userDeactivated(ada))

  static func event(
    _ position: UInt64, _ fact: Fact, actor: Actor = .operator, requestID: String? = nil,
    reason: String? = nil, recordedAt: Int64 = 1_700_000_000_000_000, decidedAt: Int64? = nil,
    happenedAt: Int64 = 1_699_999_999_999_999
  ) -> Event {
    Event(
      position: Position(position), recordedAt: Moment(microseconds: recordedAt),
      decidedAt: decidedAt.map { Moment(microseconds: $0) },
      happenedAt: Moment(microseconds: happenedAt), actor: actor,
      requestID: requestID.map { text in must { try RequestID(text) } },
      reason: reason.map { text in must { try Reason(text) } }, fact: fact)
  }

  static func spend(
    total: Int64? = nil, input: Int64? = nil, output: Int64? = nil, cacheRead: Int64? = nil,
    cacheWrite: Int64? = nil, reasoning: Int64? = nil, model: String? = nil
  ) -> Spend {
    let usage = must {
      try TokenUsage(
        total: total.map(count), input: input.map(count), output: output.map(count),
        cacheRead: cacheRead.map(count), cacheWrite: cacheWrite.map(count),
        reasoning: reasoning.map(count))
    }
    return Spend(user: ada, usage: usage, model: model.map { text in must { try ModelName(text) } })
  }

  static func spent(
    total: Int64? = nil, input: Int64? = nil, output: Int64? = nil, cacheRead: Int64? = nil,
    cacheWrite: Int64? = nil, reasoning: Int64? = nil, model: String? = nil
  ) -> Fact {
    .tokensSpent(
      spend(
        total: total, input: input, output: output, cacheRead: cacheRead, cacheWrite: cacheWrite,
        reasoning: reasoning, model: model))
  }

  private static func issue(expiresAt: Moment?) -> TokenIssue {
    TokenIssue(
      token: TokenID(0xFEDC_BA98_7654_3210), user: ada,
      digest: TokenDigest((0x0102_0304_0506_0708, 2, 0x8000_0000_0000_0000, .max)),
      expiresAt: expiresAt)
  }

  private static func change(_ period: Period, _ old: Int64?, _ new: Int64?) -> LimitChange {
    LimitChange(period: period, old: old.map(limit), new: new.map(limit))
  }

  static func count(_ number: Int64) -> TokenCount {
    guard let count = TokenCount(number) else { preconditionFailure("\(number) is no count") }
    return count
  }

  static func limit(_ number: Int64) -> TokenLimit {
    guard let limit = TokenLimit(number) else { preconditionFailure("\(number) is no limit") }
    return limit
  }

  static func must<Value>(_ make: () throws -> Value) -> Value {
    do { return try make() } catch { preconditionFailure("an example is refused: \(error)") }
  }
}
