/// What may become of a call of a session.
public enum CallChange: Hashable, Sendable {
  case begun(OpenCall)
  /// Its reservation ends at another moment.
  case extended(OpenCall, Moment)
  case ended(OpenCall)
}

extension Session {
  /// What becomes of a call by the next event of the session; nil: nothing becomes of any.
  public func callChange(by fact: SessionFact, at position: Position) -> CallChange? {
    switch fact {
    case .callAdmitted(let admission): .begun(OpenCall(admission, at: position))
    case .callExtended(let id, let expiresAt): call(id).map { .extended($0, expiresAt) }
    case .callEnded(let id, _): call(endedAs: id).map { .ended($0) }
    case .usageRecorded(let usage): usage.call.flatMap { call($0) }.map { .ended($0) }
    case .resumed, .limitChanged, .modelChanged, .messageReceived, .messageAnswered, .turnEnded,
      .checkpointed, .exhaustionRequested, .exhaustionAnswered, .warned, .optionIgnored, .failed,
      .aborted, .windowStarted, .closed, .deleted:
      nil
    }
  }

  mutating func apply(_ change: CallChange) {
    switch change {
    case .begun(let call): calls.append(call)
    case .extended(let call, let expiresAt):
      for place in calls.indices where calls[place].admittedAt == call.admittedAt {
        calls[place].expiresAt = expiresAt
      }
    // Its name may be another's by mistake, its admission is not.
    case .ended(let call): calls.removeAll { $0.admittedAt == call.admittedAt }
    }
  }

  /// Sets credits aside for the call that a hold stands for; answers what was set aside for it before, or
  /// nil where the session has let go of it already.
  public mutating func apply(_ step: HoldStep, of hold: Hold, _ id: HoldID) -> NanoCredits? {
    guard step.before != nil else {
      if step.after != nil { calls.append(OpenCall(hold, as: id)) }
      return .zero
    }
    guard let place = calls.firstIndex(where: { $0.call == id.call }) else { return nil }
    let before = calls[place].reservation
    if let credits = step.after?.credits {
      calls[place].reservation = credits
    } else {
      calls.remove(at: place)
    }
    return before
  }
}

extension OpenCall {
  fileprivate init(_ admission: CallAdmission, at position: Position) {
    self.init(
      call: admission.call, reservation: admission.reservation, expiresAt: admission.expiresAt,
      admittedAt: position, isOwn: admission.turn != nil)
  }

  fileprivate init(_ hold: Hold, as id: HoldID) {
    self.init(
      call: id.call, reservation: hold.credits, expiresAt: hold.expiresAt,
      admittedAt: id.position, isOwn: false)
  }
}
