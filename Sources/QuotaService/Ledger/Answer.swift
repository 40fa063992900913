public import QuotaModel

/// What an append answers.
public struct Receipt: Hashable, Sendable {
  public var position: Position
  public var recordedAt: Moment
  /// Whether the request had been recorded before, and this is the receipt of then.
  public var isReplayed: Bool

  public init(position: Position, recordedAt: Moment, isReplayed: Bool) {
    self.position = position
    self.recordedAt = recordedAt
    self.isReplayed = isReplayed
  }
}

/// What the ledger answers to a command. Every answer that changed something is durable.
public enum Answer: Hashable, Sendable {
  /// One event or more; the receipt is that of the last.
  case recorded(Receipt)
  /// Everything is as asked already; nothing was written.
  case unchanged
  case granted(position: Position)
  case held(HoldReceipt)
  case refused(Refusal, Receipt)
  case session(SessionAnswer)
  case budget(SharedBudget, isNew: Bool)
  case failed(CommandFailure)
}

/// What a hold answers.
public struct HoldReceipt: Hashable, Sendable {
  public var hold: HoldID
  public var expiresAt: Moment
  public var receipt: Receipt

  public init(hold: HoldID, expiresAt: Moment, receipt: Receipt) {
    self.hold = hold
    self.expiresAt = expiresAt
    self.receipt = receipt
  }
}

/// Why a command changed nothing.
public enum CommandFailure: Error, Hashable, Sendable {
  case unknownUser
  case userExists
  case nameTaken
  case tokenExists
  case unknownToken
  /// The same request id was recorded with other content; the first member that differs.
  case requestConflict(member: String, position: Position)
  /// The user's total would exceed 2^63-1 tokens.
  case overflow
  /// The stated time lies further ahead than clocks may differ.
  case inTheFuture(limitSeconds: Int64)
  case unknownHold
  /// The hold belongs to somebody else.
  case foreignHold
  /// The hold was settled or voided before.
  case holdEnded(by: EventKind)
  case unknownSession
  /// Another user's session has the id.
  case sessionOfAnother
  /// The session was begun with other content; the first member that differs.
  case sessionConflict(member: String)
  /// The session was shut down and has to be resumed first.
  case sessionClosed
  /// A model call is under way.
  case callInFlight
  case unknownBudget
  /// The question is about a shared budget: a session's client can only cancel.
  case answerNotYours
  /// The sum would exceed 2^63-1 nano-credits.
  case creditsOverflow
  /// The ledger takes no writes at the moment.
  case unavailable(reason: String)
}
