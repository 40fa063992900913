public import QuotaModel

/// Facts about sessions and budgets whose every number and text is drawn, extremes more often than
/// anything else.
public struct RandomSessionFacts {
  public var numbers: SeededNumbers

  public init(numbers: SeededNumbers) { self.numbers = numbers }

  /// The kinds that are drawn here.
  public static let kinds = EventKind.allCases.filter {
    (EventKind.sessionStarted.rawValue...EventKind.budgetChanged.rawValue).contains($0.rawValue)
      || $0 == .sessionOptionIgnored
  }

  public mutating func fact(of kind: EventKind) -> Fact {
    switch kind {
    case .sessionStarted: .sessionStarted(start())
    case .budgetChanged:
      .budgetChanged(
        BudgetChange(
          budget: budget(), old: maybe { $0.amount() }, new: amount(),
          access: maybe { $0.access() }))
    default: .session(SessionRef(Position(max(1, word()))), sessionFact(of: kind))
    }
  }

  private mutating func access() -> BudgetAccess {
    if word() & 3 == 0 { return .open }
    let count = word() & 7 == 0 ? BudgetAccess.maximumMemberCount : Int(word() % 4)
    return .members(Set((0..<count).map { _ in UserID(high: word(), low: word()) }).sorted())
  }

  private mutating func sessionFact(of kind: EventKind) -> SessionFact {
    switch kind {
    case .sessionResumed:
      .resumed(SessionResume(limit: maybe { $0.amount() }, wasActive: word() & 1 == 0))
    case .sessionLimitChanged:
      .limitChanged(
        SessionLimitChange(
          old: maybe { $0.amount() }, new: maybe { $0.amount() }, change: maybe { $0.step() }))
    case .sessionModelChanged: .modelChanged(model())
    case .sessionMessageReceived: .messageReceived(entry())
    case .sessionCallAdmitted: .callAdmitted(admission())
    case .sessionCallExtended: .callExtended(step(), expiresAt: moment())
    case .sessionCallEnded: .callEnded(step(), one(of: CallEnd.allCases))
    case .sessionUsageRecorded: .usageRecorded(usage())
    case .sessionMessageAnswered: .messageAnswered(message())
    case .sessionTurnEnded: .turnEnded(word())
    case .sessionCheckpointed: .checkpointed(SessionTotals(total: amount(), callCount: word()))
    case .exhaustionRequested: .exhaustionRequested(request())
    case .exhaustionAnswered: .exhaustionAnswered(entry(), answer())
    case .sessionWarned: .warned(warning())
    case .sessionOptionIgnored: .optionIgnored(mark())
    case .sessionFailed:
      .failed(
        SessionError(kind: mark(), statusCode: maybe { it in it.one(of: [1, 404, .max]) }))
    case .sessionAborted: .aborted
    case .sessionWindowStarted: .windowStarted(word())
    case .sessionClosed: .closed(one(of: SessionClosing.allCases))
    case .sessionDeleted: .deleted
    default: preconditionFailure("\(kind) is no kind of a session's fact")
    }
  }

  private mutating func start() -> SessionStart {
    SessionStart(
      id: must { it in try SessionID(it.name()) }, user: maybe { $0.user() }, seed: entry(),
      model: maybe { $0.model() }, limit: maybe { $0.amount() }, budget: maybe { $0.budget() })
  }

  private mutating func admission() -> CallAdmission {
    CallAdmission(
      call: step(), reservation: amount(), expiresAt: moment(),
      turn: maybe { max(1, $0.word()) }, model: maybe { $0.model() })
  }

  private mutating func usage() -> SessionUsage {
    let cost = cost()
    return SessionUsage(
      id: step(), user: maybe { $0.user() }, call: maybe { $0.step() }, sequence: word(),
      tokens: maybe { $0.tokens() }, model: maybe { $0.model() }, cost: cost,
      agent: maybe { $0.step() },
      durationMilliseconds: maybe { UInt32(truncatingIfNeeded: $0.word()) },
      finishReason: maybe { $0.mark() }, upstreamID: maybe { $0.mark() },
      estimate: cost == .unavailable ? maybe { max($0.amount(), .smallest) } : nil)
  }

  /// Draws until the numbers fit together; parts are halved so that they often do.
  private mutating func tokens() -> TokenUsage {
    while true {
      let input = maybe { $0.count(atMost: .max / 2) }
      let output = maybe { $0.count(atMost: .max / 2) }
      let total = input == nil && output == nil ? count(atMost: .max) : nil
      let bound = (input ?? output ?? total ?? .zero).rawValue
      let usage = try? TokenUsage(
        total: total, input: input, output: output, cacheRead: maybe { $0.count(atMost: bound) },
        cacheWrite: maybe { $0.count(atMost: bound) }, reasoning: maybe { $0.count(atMost: bound) })
      if let usage { return usage }
    }
  }

  private mutating func cost() -> CallCost {
    switch int(3) {
    case 0: .unavailable
    case 1: .stated(amount())
    default: .priced(amount(), price())
    }
  }

  public mutating func price() -> ModelPrice {
    let rates = (0..<4).map { _ in
      amount(one(of: [0, 1, ModelPrice.rates.upperBound, number(in: ModelPrice.rates)]))
    }
    let sizes = [1, 1000, 1_000_000, ModelPrice.batchSizes.upperBound]
    let price = ModelPrice(
      input: rates[0], output: rates[1], cacheRead: rates[2], cacheWrite: rates[3],
      batchSize: one(of: sizes + [number(in: ModelPrice.batchSizes)]))
    guard let price else { preconditionFailure("a drawn price is refused") }
    return price
  }

  private mutating func message() -> AssistantMessage {
    AssistantMessage(
      message: entry(), turn: maybe { max(1, $0.word()) },
      outputTokens: maybe { $0.count(atMost: .max) }, model: maybe { $0.model() })
  }

  private mutating func request() -> ExhaustionRequest {
    ExhaustionRequest(
      id: entry(), used: amount(), limit: amount(), budget: maybe { $0.budget() })
  }

  private mutating func answer() -> ExhaustionAnswer {
    one(of: [.add(amount()), .set(amount()), .unset, .cancel])
  }

  private mutating func warning() -> SessionWarning {
    switch int(4) {
    case 0: .limitReached(used: amount(), limit: amount())
    case 1: .budgetReached(budget(), used: amount(), limit: amount())
    case 2: .quotaReached((0..<int(4)).map { _ in violation() })
    default: .unknownPrice(model(), isRefused: word() & 1 == 0)
    }
  }

  private mutating func violation() -> Violation {
    guard let limit = TokenLimit(one(of: [-1, 0, 1, TokenLimit.range.upperBound])) else {
      preconditionFailure("a drawn limit is refused")
    }
    return Violation(
      period: one(of: Period.allCases), limit: limit, used: count(atMost: .max),
      reserved: count(atMost: .max))
  }
}

extension RandomSessionFacts {
  private mutating func amount() -> NanoCredits {
    amount(one(of: [0, 1, .max, Int64(word() >> 1), number(in: 0...100_000_000_000)]))
  }

  private func amount(_ number: Int64) -> NanoCredits {
    guard let amount = NanoCredits(number) else { preconditionFailure("\(number) is no amount") }
    return amount
  }

  private mutating func count(atMost bound: Int64) -> TokenCount {
    guard let count = TokenCount(one(of: [0, 1, 127, 128, bound, number(in: 0...bound)])),
      count.rawValue <= bound
    else { return .zero }
    return count
  }

  private mutating func entry() -> EntryID { EntryID(random: word(), word()) }
  private mutating func user() -> UserID { UserID(high: word(), low: word()) }
  private mutating func budget() -> BudgetID { must { it in try BudgetID(it.name()) } }
  private mutating func step() -> StepID { must { it in try StepID(it.text(upTo: 200)) } }
  private mutating func mark() -> CallMark { must { it in try CallMark(it.text(upTo: 128)) } }
  private mutating func model() -> ModelName { must { it in try ModelName(it.text(upTo: 255)) } }

  /// Within the years that RFC 3339 can write.
  private mutating func moment() -> Moment {
    let latest = Moment.latest.microseconds
    return Moment(
      microseconds: one(of: [0, 1, number(in: 0...2_000_000_000_000_000), latest]))
  }

  private mutating func name() -> String {
    let letters = ["a", "Z", "0", "9", ".", "_", "-"]
    let length = one(of: [0, 1, 20, 127])
    return "s" + (0..<length).map { _ in one(of: letters) }.joined()
  }

  private mutating func text(upTo maximum: Int) -> String {
    let letters = ["a", "Z", " ", "/", "é", "漢", "👋", "\"", "\\", "\u{80}", "e\u{301}"]
    let wanted = one(of: [1, 1 + int(20), maximum])
    var text = ""
    while text.utf8.count < wanted {
      let letter = one(of: letters)
      text += text.utf8.count + letter.utf8.count <= maximum ? letter : "x"
    }
    return text
  }

  private mutating func must<Value>(
    _ make: (inout RandomSessionFacts) throws -> Value
  ) -> Value {
    do { return try make(&self) } catch { preconditionFailure("a drawn text is refused: \(error)") }
  }

  private mutating func maybe<Value>(_ draw: (inout RandomSessionFacts) -> Value) -> Value? {
    numbers.next() & 1 == 0 ? nil : draw(&self)
  }

  private mutating func word() -> UInt64 { one(of: [0, 1, .max, numbers.next(), numbers.next()]) }
  private mutating func one<Value>(of values: [Value]) -> Value { values[int(values.count)] }
  private mutating func int(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &numbers) }

  private mutating func number(in range: ClosedRange<Int64>) -> Int64 {
    Int64.random(in: range, using: &numbers)
  }
}
