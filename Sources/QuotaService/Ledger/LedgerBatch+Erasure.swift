internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// Forgets who a user was. Their sessions are deleted: what was said in them is about the person,
  /// and nothing more can be said in them. Everything that was counted stays.
  mutating func erase(
    _ reference: UserReference, _ submission: Submission
  ) throws(StoreFailure) -> Answer {
    if let earlier = try earlierEvent(of: submission) {
      return try replay(earlier, ofErasing: reference)
    }
    guard let account = try account(reference)?.account else { return .failed(.unknownUser) }
    if account.isErased { return .unchanged }
    if try isLastStaff(account, for: submission.actor) { return .failed(.lastStaff) }
    for session in try sessions(of: account.user) { try delete(session, submission) }
    let receipt = try record(.userErased(account.user), for: submission)
    keep(mark: NameStore.mark(of: account.user, at: receipt.position))
    return .recorded(receipt)
  }

  private mutating func replay(
    _ event: Event, ofErasing reference: UserReference
  ) throws(StoreFailure) -> Answer {
    guard case .userErased(let user) = event.fact else { return event.conflict(in: "type") }
    // The name led to the user once; by now it may be another's, or nobody's.
    if case .id(let other) = reference, other != user { return event.conflict(in: "user") }
    return .recorded(Receipt(replaying: event))
  }

  private mutating func sessions(of user: UserID) throws(StoreFailure) -> [Session] {
    return try usingProjection(fold.sessions(of: user))
  }
}
