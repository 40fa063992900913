import LedgerSimulation
import QuotaModel
import QuotaService

/// A few users who spend, hold, settle and are refused at random, with a ledger in hand.
final class RandomSpending {
  let open: OpenLedger
  let users: [UserID]
  private var numbers: SeededNumbers
  private var holds: [HoldID] = []
  private var spends: [Position] = []

  init(seed: UInt64) throws {
    let open = try OpenLedger()
    self.open = open
    users = try (0..<3).map { _ in try open.register(limit: 1_000_000) }
    numbers = SeededNumbers(seed: seed)
  }

  /// Moves the clock a little, at times far enough that the tables are written, and sends a batch.
  func step(_ range: ClosedRange<Int64> = 1...30) throws {
    let seconds: Int64 =
      switch Int.random(in: 0..<20, using: &numbers) {
      case 0: numbers.number(3600...100_000)
      case 1...4: numbers.number(3...60)
      default: numbers.number(0...1)
      }
    open.clock.move(bySeconds: seconds)
    let answers = try open.execute((0..<numbers.number(range)).map { _ in submission() })
    for answer in answers {
      if let hold = answer.hold { holds.append(hold) }
      if case .recorded(let receipt) = answer { spends.append(receipt.position) }
    }
  }

  private func submission() -> Submission {
    Submission(command(numbers.element(of: users)), by: .operator)
  }

  private func command(_ user: UserID) -> Command {
    switch Int.random(in: 0..<100, using: &numbers) {
    case 0..<20:
      let tokens = numbers.number(numbers.once(in: 5) ? 700_000...900_000 : 1...9000)
      return .hold(user: user, tokens, seconds: numbers.number(1...5000))
    case 20..<30:
      guard let hold = holds.last else { break }
      let usage = HoldUsage(.tokens(numbers.number(0...900)), isFinal: false)
      return .settle(numbers.once(in: 2) ? hold : numbers.element(of: holds), usage)
    case 30..<45:
      guard let hold = holds.popLast() else { break }
      return .settle(hold, numbers.number(0...9000))
    case 45..<48:
      guard let hold = holds.popLast() else { break }
      return .void(hold)
    case 48..<50:
      guard let hold = holds.last else { break }
      return .extend(hold, timeToLiveSeconds: numbers.number(10...5000))
    case 50..<55: return .check(.id(user), estimate: tokens(1...900_000))
    case 55:
      guard !spends.isEmpty else { break }
      return .correct(.position(numbers.element(of: spends)), .tokens(numbers.number(0...900)))
    case 56: return .allow(.id(user), .daily, tokens(1...500))
    case 57:
      let limit = TokenLimit(numbers.number(800_000...1_200_000)) ?? .unlimited
      return .setLimits(.id(user), LimitUpdates { _ in .set(limit) })
    default: break
    }
    var report = UsageReport(user: .id(user), usage: .tokens(numbers.number(0...1000)))
    if numbers.once(in: 4) {
      let seconds = numbers.number(0...40 * 86_400)
      report.happenedAt = Moment(microseconds: open.clock.now.microseconds - seconds * 1_000_000)
    }
    return .recordUsage(report)
  }

  private func tokens(_ range: ClosedRange<Int64>) -> TokenCount {
    TokenCount(numbers.number(range)) ?? .zero
  }
}
