public import QuotaModel
public import QuotaService

/// Commands such as clients send, sensible and not, with repetitions.
public struct RandomCommands {
  private static let callerCount = 3

  private let users: [UserID]
  private let tokens = (0..<8).map { _ in NewToken() }
  /// Submissions with a request id, to be repeated.
  private var repeatable: [Submission] = []
  private var requestCount = 0

  public init(using numbers: inout SeededNumbers) {
    users = (0..<7).map { _ in UserID(random: numbers.next(), numbers.next()) }
  }

  /// Whoever sends commands has to be registered before anything else.
  var registrations: [Submission] {
    callers.map {
      Submission(.register(Registration(user: $0, name: nil, role: .service)), by: .operator)
    }
  }

  private var callers: [UserID] { Array(users.prefix(Self.callerCount)) }

  public mutating func batch(
    _ ledger: NaiveLedger, _ now: Moment, using numbers: inout SeededNumbers
  ) -> [Submission] {
    let count = numbers.once(in: 10) ? 40 : Int.random(in: 0...5, using: &numbers)
    return (0..<count).map { _ in next(ledger, now, using: &numbers) }
  }

  private mutating func next(
    _ ledger: NaiveLedger, _ now: Moment, using numbers: inout SeededNumbers
  ) -> Submission {
    if !repeatable.isEmpty, numbers.once(in: 6) {
      return numbers.element(of: repeatable).varied(now, using: &numbers)
    }
    let command = command(ledger, now, using: &numbers)
    let actor = numbers.once(in: 8) ? .operator : Actor.user(numbers.element(of: callers))
    guard command.takesRequestID, !numbers.once(in: 3) else {
      return Submission(command, by: actor)
    }
    // One in ten of the ids is in use already, most often for something else.
    if !numbers.once(in: 10) { requestCount += 1 }
    let submission = Submission(
      command, by: actor, requestID: try? RequestID("request-\(requestCount)"))
    repeatable.append(submission)
    return submission
  }

  private func command(
    _ ledger: NaiveLedger, _ now: Moment, using numbers: inout SeededNumbers
  ) -> Command {
    let user = reference(using: &numbers)
    let token = numbers.element(of: tokens)
    switch Int.random(in: 0..<40, using: &numbers) {
    case 0: return register(using: &numbers)
    case 1: return .setActive(user, !numbers.once(in: 4))
    case 2 where numbers.once(in: 5): return .erase(user)
    case 2: return .setRole(user, numbers.element(of: Role.allCases))
    case 3:
      let end = Moment(microseconds: now.microseconds + numbers.number(1...100_000) * 1_000_000)
      return .issueToken(user, token, expiresAt: numbers.once(in: 3) ? nil : end)
    case 4: return .revokeToken(token.id, of: numbers.once(in: 2) ? nil : user)
    case 5, 6:
      return .setLimits(
        user, limitUpdates(using: &numbers), modes: modeUpdates(using: &numbers))
    case 7:
      return .setDefaults(
        LimitUpdates { _ in
          numbers.once(in: 8) ? .keep : .set(limit(using: &numbers))
        }, modes: modeUpdates(using: &numbers))
    case 8, 9: return .check(user, estimate: numbers.once(in: 3) ? nil : tokens(using: &numbers))
    case 10..<17:
      return .hold(
        HoldRequest(
          user: user, estimate: tokens(using: &numbers),
          timeToLiveSeconds: numbers.number(1...200)))
    case 17..<21:
      return .settle(
        hold(ledger, using: &numbers),
        HoldUsage(usage(using: &numbers), isFinal: !numbers.once(in: 3)))
    case 21: return .void(hold(ledger, using: &numbers))
    case 22:
      return .extend(
        hold(ledger, using: &numbers), timeToLiveSeconds: numbers.number(1...200))
    case 23: return correction(ledger, using: &numbers)
    case 24:
      return .allow(user, numbers.element(of: Period.allCases), tokens(using: &numbers))
    case 25 where numbers.once(in: 2):
      return .schedule(
        numbers.once(in: 3) ? nil : user, limitUpdates(using: &numbers),
        effectiveAt: Moment(
          microseconds: now.microseconds + numbers.number(-20...400) * 1_000_000))
    case 25:
      return .cancelSchedule(
        ledger.schedules.keys.sorted().last ?? ScheduleID(Position(1)))
    default: return report(of: user, now, using: &numbers)
    }
  }

  private func register(using numbers: inout SeededNumbers) -> Command {
    let name = numbers.once(in: 2) ? try? UserName("name-\(numbers.number(0...9))") : nil
    let token = numbers.once(in: 3) ? numbers.element(of: tokens) : nil
    return .register(
      Registration(
        user: numbers.element(of: users), name: name,
        role: numbers.element(of: Role.allCases), token: token))
  }

  private func report(
    of user: UserReference, _ now: Moment, using numbers: inout SeededNumbers
  ) -> Command {
    let distance: Int64? =
      switch Int.random(in: 0..<8, using: &numbers) {
      case 0: numbers.number(0...40 * 86_400)
      case 1: numbers.number(0...86_400)
      case 2: numbers.number(-400...400)
      default: nil
      }
    let moment = distance.map {
      Moment(microseconds: max(0, now.microseconds - $0 * 1_000_000))
    }
    // A user registered by name gets an id that nobody can foretell.
    let mayRegister = if case .id = user { numbers.once(in: 2) } else { false }
    return .recordUsage(
      UsageReport(
        user: user, usage: usage(using: &numbers),
        model: numbers.once(in: 2) ? try? ModelName("model-\(numbers.number(0...2))") : nil,
        happenedAt: moment, registersUnknownUser: mayRegister))
  }

  private func usage(using numbers: inout SeededNumbers) -> TokenUsage {
    let total = TokenUsage(total: tokens(using: &numbers))
    guard numbers.once(in: 2) else { return total }
    let input = TokenCount(numbers.number(0...900))
    let output = TokenCount(numbers.number(0...100))
    return (try? TokenUsage(input: input, output: output, cacheRead: input)) ?? total
  }

  private func tokens(using numbers: inout SeededNumbers) -> TokenCount {
    // Now and then so many that a few of them pass 2^63-1.
    let count = numbers.once(in: 300) ? Int64.max / 3 : numbers.number(0...1000)
    return TokenCount(count) ?? .zero
  }

  private func reference(using numbers: inout SeededNumbers) -> UserReference {
    numbers.once(in: 4)
      ? .name("name-\(numbers.number(0...9))") : .id(numbers.element(of: users))
  }

  private func hold(_ ledger: NaiveLedger, using numbers: inout SeededNumbers) -> HoldID {
    // Most often one of the latest, so that open ones, expired ones and ended ones all come up.
    let latest = ledger.holds.keys.sorted().suffix(numbers.once(in: 4) ? 100 : 6)
    if latest.isEmpty || numbers.once(in: 12) {
      return HoldID(Position(UInt64(numbers.number(1...500))))
    }
    return numbers.element(of: Array(latest))
  }

  private func correction(
    _ ledger: NaiveLedger, using numbers: inout SeededNumbers
  ) -> Command {
    let target: CorrectionTarget
    if numbers.once(in: 3), let id = try? RequestID("request-\(numbers.number(0...99))") {
      target = .request(id)
    } else {
      let head = Int64(ledger.position.rawValue)
      target = .position(Position(UInt64(numbers.number(max(0, head - 30)...head + 1))))
    }
    return .correct(target, usage(using: &numbers))
  }

  private func modeUpdates(using numbers: inout SeededNumbers) -> ModeUpdates {
    ModeUpdates { _ in
      switch Int.random(in: 0..<8, using: &numbers) {
      case 0: .set(numbers.element(of: LimitMode.allCases))
      case 1: .unset
      default: .keep
      }
    }
  }

  private func limitUpdates(using numbers: inout SeededNumbers) -> LimitUpdates {
    LimitUpdates { _ in
      switch Int.random(in: 0..<3, using: &numbers) {
      case 0: .keep
      case 1: .unset
      default: .set(limit(using: &numbers))
      }
    }
  }

  private func limit(using numbers: inout SeededNumbers) -> TokenLimit {
    TokenLimit(numbers.once(in: 3) ? -1 : numbers.number(0...20_000)) ?? .unlimited
  }
}

extension Command {
  fileprivate var takesRequestID: Bool {
    switch self {
    case .recordUsage, .hold, .settle, .extend, .allow, .correct: true
    case .session, .register, .setActive, .setRole, .erase, .issueToken, .revokeToken, .setLimits,
      .setDefaults, .schedule, .cancelSchedule, .check, .void:
      false
    }
  }
}

extension Submission {
  /// The same again, or with one thing changed.
  fileprivate func varied(_ now: Moment, using numbers: inout SeededNumbers) -> Submission {
    guard numbers.once(in: 3) else { return self }
    var copy = self
    switch command {
    case .recordUsage(var report):
      if numbers.once(in: 2) {
        report.happenedAt = Moment(microseconds: now.microseconds - 1)
      } else {
        report.usage = TokenUsage(total: TokenCount(numbers.number(0...9)) ?? .zero)
      }
      copy.command = .recordUsage(report)
    case .hold(var request):
      if numbers.once(in: 2) { request.timeToLiveSeconds += 1 } else { request.estimate = .zero }
      copy.command = .hold(request)
    case .settle(let hold, var used):
      if numbers.once(in: 2) {
        used.isFinal.toggle()
      } else {
        used.usage = TokenUsage(total: .zero)
      }
      copy.command = .settle(hold, used)
    case .extend(let hold, let seconds):
      copy.command = .extend(hold, timeToLiveSeconds: seconds + 1)
    case .correct(let target, _):
      copy.command = .correct(target, TokenUsage(total: TokenCount(numbers.number(0...9)) ?? .zero))
    default: break
    }
    return copy
  }
}
