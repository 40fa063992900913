internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// Records what an earlier event should have said. That event stays as it is.
  mutating func correct(
    _ target: CorrectionTarget, _ usage: TokenUsage, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let earlier = try earlierEvent(of: submission) {
      return try replay(earlier, of: target, usage, submission)
    }
    guard let position = try position(of: target, submission),
      position > .zero, position <= fold.state.position, let event = try event(at: position)
    else { return .failed(.unknownEvent) }
    guard let first = event.fact.correctableUsage else {
      return .failed(.notCorrectable(event.fact.kind))
    }
    guard try mayChange(event, submission.actor) else { return .failed(.foreignEvent) }
    let old = try currentTotal(of: position) ?? first.tokens ?? .zero
    let correction = Correction(user: first.user, corrected: position, old: old, usage: usage)
    guard let account = try account(first.user)?.account,
      account.lifetime.subtractingClamped(old).adding(usage.total) != nil
    else { return .failed(.overflow) }
    return .recorded(
      try record(.usageCorrected(correction), happenedAt: event.happenedAt, for: submission))
  }

  private mutating func position(
    of target: CorrectionTarget, _ submission: Submission
  ) throws(StoreFailure) -> Position? {
    switch target {
    case .position(let position): return position
    case .request(let id):
      do { return try fold.position(ofRequest: id, by: submission.actor) } catch {
        throw .projection(error)
      }
    }
  }

  /// What the latest correction of an event says; nil where there is none.
  private func currentTotal(of position: Position) throws(StoreFailure) -> TokenCount? {
    let latest = try usingProjection(fold.correction(of: position))
    guard let latest, case .usageCorrected(let correction) = try event(at: latest)?.fact else {
      return nil
    }
    return correction.usage.total
  }

  private mutating func replay(
    _ event: Event, of target: CorrectionTarget, _ usage: TokenUsage, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    guard case .usageCorrected(let first) = event.fact else {
      return event.conflict(in: "type")
    }
    let differences = [
      ("position", try position(of: target, submission) != first.corrected),
      ("input_tokens", usage.input != first.usage.input),
      ("output_tokens", usage.output != first.usage.output), ("tokens", usage != first.usage),
    ]
    if let conflict = event.conflict(differences) { return conflict }
    return .recorded(Receipt(replaying: event))
  }
}

extension Fact {
  /// What counts because of the fact, where a correction may say something else: not of a session, which
  /// counts what a call cost as well.
  fileprivate var correctableUsage: UsageChange? {
    if case .session = self { return nil }
    guard let change = usageChange, change.corrected == nil else { return nil }
    return change
  }
}
