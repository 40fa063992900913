internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// Ends a call of which nobody has told anything. It may have been served, so that what it used is
  /// unknown and not zero (contract session-limits, 8.1).
  ///
  /// A hold is none of these calls: it ends by its own events, and may be settled later.
  mutating func lose(
    _ call: OpenCall, in ref: SessionRef, _ end: CallEnd, _ submission: Submission? = nil
  ) throws(StoreFailure) {
    let session = try current(ref)
    guard
      case .session(_, .callAdmitted(let admission)) = try event(at: call.admittedAt)?.fact,
      let usage = try lostUsage(of: call, admission.model, session)
    else { return try tell(.callEnded(call.call, end), in: ref, submission) }
    try count(usage, isUnpriced: false, in: session, submission)
  }

  /// nil where not even the estimate fits.
  private mutating func lostUsage(
    of call: OpenCall, _ model: ModelName?, _ session: Session
  ) throws(StoreFailure) -> SessionUsage? {
    // Whoever made the call may still report it under any id.
    let id = call.isOwn ? call.call : StepID(own: System.randomEntry())
    var usage = CallUsage(id: id, call: call.call)
    usage.model = model
    usage.isLost = true
    switch try fact(of: usage, session) {
    case .success(let fact): return fact
    case .failure: return nil
    }
  }
}
