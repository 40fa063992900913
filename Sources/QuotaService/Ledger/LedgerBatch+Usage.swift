internal import Projections
internal import QuotaModel

/// How far ahead of ours a reporter's clock may be.
let maximumClockSkewSeconds: Int64 = 300

extension LedgerBatch {
  /// Records tokens that were used. They are spent, so no limit refuses them.
  mutating func recordUsage(
    _ report: UsageReport, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let earlier = try earlierEvent(of: submission) { return try replay(earlier, of: report) }
    let happenedAt = report.happenedAt ?? now
    guard happenedAt.microseconds <= now.microseconds + maximumClockSkewSeconds * 1_000_000 else {
      return .failed(.inTheFuture(limitSeconds: maximumClockSkewSeconds))
    }
    if let limit = settings.maximumLatenessSeconds,
      happenedAt.microseconds < now.microseconds - limit * 1_000_000
    {
      return .failed(.tooLate(limitSeconds: limit))
    }
    let (user, lifetime): (UserID, TokenCount)
    switch try spender(report, submission) {
    case .failure(let failure): return .failed(failure)
    case .success(let found): (user, lifetime) = found
    }
    guard lifetime.adding(report.usage.total) != nil else { return .failed(.overflow) }
    let spend = Spend(user: user, usage: report.usage, model: report.model)
    return .recorded(try record(.tokensSpent(spend), happenedAt: happenedAt, for: submission))
  }

  /// Who spent, and what they had spent before.
  private mutating func spender(
    _ report: UsageReport, _ submission: Submission
  ) throws(StoreFailure) -> Result<(user: UserID, lifetime: TokenCount), CommandFailure> {
    if let user = try user(report.user), let lifetime = try lifetime(of: user) {
      return .success((user, lifetime))
    }
    guard report.registersUnknownUser else { return .failure(.unknownUser) }
    return try registerOnFirstSight(report.user, submission).map { ($0, .zero) }
  }

  mutating func lifetime(of user: UserID) throws(StoreFailure) -> TokenCount? {
    return try usingProjection(fold.lifetime(of: user))
  }

  /// Registers whoever a report names.
  private mutating func registerOnFirstSight(
    _ reference: UserReference, _ submission: Submission
  ) throws(StoreFailure) -> Result<UserID, CommandFailure> {
    let user: UserID
    switch reference {
    case .id(let id): user = id
    case .name(let text):
      let name: UserName
      do throws(TextRule) { name = try NameRule.registered(UserName(text)) } catch {
        return .failure(.nameRefused(error))
      }
      user = System.randomUser()
      give(name, to: user)
    }
    _ = try record(.userRegistered(user, role: .user), for: submission, withRequestID: false)
    return .success(user)
  }

  /// The first receipt again, or the first member in which the repetition differs.
  private mutating func replay(
    _ event: Event, of report: UsageReport
  ) throws(StoreFailure) -> Answer {
    guard case .tokensSpent(let spend) = event.fact else {
      return event.conflict(in: "type")
    }
    let user = try user(report.user)
    let differences = [
      ("user", user != spend.user),
      ("input_tokens", report.usage.input != spend.usage.input),
      ("output_tokens", report.usage.output != spend.usage.output),
      ("tokens", report.usage.total != spend.usage.total),
      ("cache_read_tokens", report.usage.cacheRead != spend.usage.cacheRead),
      ("cache_write_tokens", report.usage.cacheWrite != spend.usage.cacheWrite),
      ("reasoning_tokens", report.usage.reasoning != spend.usage.reasoning),
      ("model", report.model != spend.model),
      // A time that is not stated is "now" and says nothing about the first time.
      ("time", report.happenedAt.map { $0 != event.happenedAt } ?? false),
    ]
    if let conflict = event.conflict(differences) { return conflict }
    return .recorded(Receipt(replaying: event))
  }
}
