public import QuotaModel

/// What the ledger answers to a session's command: the session as it is now, and what came of it.
public struct SessionAnswer: Hashable, Sendable {
  public var session: Session
  public var result: SessionResult

  public init(_ session: Session, _ result: SessionResult) {
    self.session = session
    self.result = result
  }
}

/// What came of a session's command.
public enum SessionResult: Hashable, Sendable {
  case done
  /// Everything is as asked already; nothing was written.
  case unchanged
  /// The session was begun before; nothing says that it was begun again.
  case existed
  case admitted(call: StepID, turn: UInt64?)
  /// Ask again when a call under way has ended.
  case mustWait
  /// The question is open; the call waits for the answer.
  case exhausted(ExhaustionRequest, isNew: Bool)
  /// The turn's call is dropped; the events say why.
  case dropped
  /// The user's own token quota is used up.
  case quotaExhausted([Violation])
  /// The model has no price, and the session wants to know what it spends.
  case unpriced
  case recorded(CallCost, isDuplicate: Bool)
  /// Somebody else has answered, or nobody asks.
  case tooLate
}

/// Something that happened in a session, as its clients are told: what the log took, and what comes
/// before it for them.
public struct SessionNews: Sendable {
  /// The session after it.
  public let session: Session
  public let event: Event
  public let entry: SessionEventEntry
  public let text: [UInt8]?

  /// What happened in the session; nil where it began.
  public var fact: SessionFact? {
    if case .session(_, let fact) = event.fact { fact } else { nil }
  }

  public init(session: Session, event: Event, entry: SessionEventEntry, text: [UInt8]?) {
    self.session = session
    self.event = event
    self.entry = entry
    self.text = text
  }
}
