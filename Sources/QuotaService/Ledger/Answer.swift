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
///
/// Large payloads are kept apart: answers move between threads in arrays, and most are small.
public enum Answer: Hashable, Sendable {
  /// One event or more; the receipt is that of the last.
  case recorded(Receipt)
  /// Everything is as asked already; nothing was written.
  case unchanged
  indirect case granted(Standing, position: Position)
  indirect case held(HoldReceipt)
  /// Where the account stood is told with the first answer, not with a repetition.
  indirect case refused(Refusal, Receipt, Standing?)
  indirect case settled(SettlementReceipt)
  case extended(expiresAt: Moment, Receipt)
  indirect case session(SessionAnswer)
  case budget(SharedBudget, isNew: Bool)
  case failed(CommandFailure)
}

/// What a hold answers.
public struct HoldReceipt: Hashable, Sendable {
  public var hold: HoldID
  public var expiresAt: Moment
  public var receipt: Receipt
  public var tokens: TokenCount
  public var credits: NanoCredits
  /// Where the account stands with the hold; nil in the answer to a repetition.
  public var standing: Standing?

  public init(_ hold: Hold, receipt: Receipt, standing: Standing? = nil) {
    self.hold = HoldID(receipt.position)
    expiresAt = hold.expiresAt
    tokens = hold.tokens
    credits = hold.credits
    self.receipt = receipt
    self.standing = standing
  }
}

/// What a settlement answers.
public struct SettlementReceipt: Hashable, Sendable {
  public var receipt: Receipt
  public var settlement: Settlement
  /// What is still held; nil where the call has ended, and in the answer to a repetition.
  public var rest: TokenCount?

  public init(receipt: Receipt, settlement: Settlement, rest: TokenCount?) {
    self.receipt = receipt
    self.settlement = settlement
    self.rest = rest
  }
}

/// Why a command changed nothing.
public enum CommandFailure: Error, Hashable, Sendable {
  case unknownUser
  /// The user was erased: nothing can be given to whom nobody knows any more.
  case userErased
  case userExists
  case nameTaken
  /// Nobody may be called so from now on.
  case nameRefused(TextRule)
  /// Nobody would be left who manages users.
  case lastStaff
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
  /// The hold has ended before.
  case holdEnded(HoldEnd, at: Position)
  case unknownEvent
  /// The event belongs to somebody else.
  case foreignEvent
  /// Nothing of the event can be corrected this way.
  case notCorrectable(EventKind)
  /// The limit has no bound that anything could be allowed on top of.
  case unlimited(Period)
  case unknownSchedule
  case notInTheFuture
  /// The stated time lies further back than usage is taken for.
  case tooLate(limitSeconds: Int64)
  /// The session belongs to another user than the hold.
  case sessionOfAnotherUser
  /// As many calls are under way in the session as may be.
  case tooManyCalls
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
