/// A session that began.
public struct SessionStart: Hashable, Sendable {
  public var id: SessionID
  /// Whose session it is; its tokens count in that user's windows.
  public var user: UserID?
  /// The random part of the ids of the events that clients see.
  public var seed: EntryID
  public var model: ModelName?
  public var limit: NanoCredits?
  public var budget: BudgetID?

  public init(
    id: SessionID, user: UserID?, seed: EntryID, model: ModelName? = nil,
    limit: NanoCredits? = nil, budget: BudgetID? = nil
  ) {
    self.id = id
    self.user = user
    self.seed = seed
    self.model = model
    self.limit = limit
    self.budget = budget
  }
}

/// What can happen in a session after it has begun (contract session-limits, 2.4).
public enum SessionFact: Hashable, Sendable {
  case resumed(SessionResume)
  case limitChanged(SessionLimitChange)
  case modelChanged(ModelName)
  /// A user message; its text is kept beside the log.
  case messageReceived(EntryID)
  case callAdmitted(CallAdmission)
  /// A call that ended without usage; what was reserved is free again.
  case callEnded(StepID, CallEnd)
  /// A call whose reservation ends at another moment than was said when it was let in.
  case callExtended(StepID, expiresAt: Moment)
  case usageRecorded(SessionUsage)
  /// What the model said; its text is kept beside the log.
  case messageAnswered(AssistantMessage)
  case turnEnded(UInt64)
  case checkpointed(SessionTotals)
  case exhaustionRequested(ExhaustionRequest)
  case exhaustionAnswered(EntryID, ExhaustionAnswer)
  case warned(SessionWarning)
  /// A client asked for something that has no effect here; its name as the SDK spells it.
  case optionIgnored(CallMark)
  /// A model call failed; the text is kept beside the log.
  case failed(SessionError)
  case aborted
  /// `clear`: a new window, by number.
  case windowStarted(UInt64)
  case closed(SessionClosing)
  case deleted
}

/// Somebody took a session up again.
public struct SessionResume: Hashable, Sendable {
  /// The cap from here on.
  public var limit: NanoCredits?
  /// Whether anybody was attached at that time.
  public var wasActive: Bool

  public init(limit: NanoCredits?, wasActive: Bool) {
    self.limit = limit
    self.wasActive = wasActive
  }
}

/// Another cap, or none.
public struct SessionLimitChange: Hashable, Sendable {
  public var old: NanoCredits?
  public var new: NanoCredits?
  /// What the client calls the change, where it may be repeated.
  public var change: StepID?

  public init(old: NanoCredits?, new: NanoCredits?, change: StepID? = nil) {
    self.old = old
    self.new = new
    self.change = change
  }

  /// Whether the request found the cap as it wanted it: only its id is remembered, and nobody is told.
  public var isSilent: Bool { change != nil && old == new }
}

/// A model call that may go ahead.
public struct CallAdmission: Hashable, Sendable {
  public var call: StepID
  /// What is kept free for it, at least one nano-credit.
  public var reservation: NanoCredits
  /// When the reservation ends if nobody says anything.
  public var expiresAt: Moment
  /// The turn that it opens; nil for a call that somebody else makes.
  public var turn: UInt64?
  public var model: ModelName?

  public init(
    call: StepID, reservation: NanoCredits, expiresAt: Moment, turn: UInt64? = nil,
    model: ModelName? = nil
  ) {
    self.call = call
    self.reservation = reservation
    self.expiresAt = expiresAt
    self.turn = turn
    self.model = model
  }
}

/// How a call ended that used nothing. Raw values are part of the record format.
public enum CallEnd: UInt8, CaseIterable, Sendable {
  /// Refused before it started.
  case dropped = 0
  case failed = 1
  case aborted = 2
  /// Nobody said anything until the reservation's end.
  case expired = 3
  /// The service was stopped while it ran.
  case lost = 4

  public var name: String {
    switch self {
    case .dropped: "dropped"
    case .failed: "failed"
    case .aborted: "aborted"
    case .expired: "expired"
    case .lost: "lost"
    }
  }
}

/// What a call cost, and how that is known.
public enum CallCost: Hashable, Sendable {
  /// Whoever reported it said so.
  case stated(NanoCredits)
  /// By the price in force, which is kept here.
  case priced(NanoCredits, ModelPrice)
  /// Nobody knows; that is not zero.
  case unavailable

  public var amount: NanoCredits? {
    switch self {
    case .stated(let amount), .priced(let amount, _): amount
    case .unavailable: nil
    }
  }
}

/// What one finished model call used.
public struct SessionUsage: Hashable, Sendable {
  public var id: StepID
  /// Whose windows the tokens count in.
  public var user: UserID?
  /// The call that was admitted for it, if any.
  public var call: StepID?
  /// 1, 2, 3 … within the session.
  public var sequence: UInt64
  public var tokens: TokenUsage?
  public var model: ModelName?
  public var cost: CallCost
  /// What is counted although nobody knows the cost: what was kept free for a call that may have been
  /// served and told nothing. Above zero, and only where the cost is unavailable.
  public var estimate: NanoCredits?
  /// The sub-agent that called; nil for the session's own.
  public var agent: StepID?
  public var durationMilliseconds: UInt32?
  public var finishReason: CallMark?
  /// What the upstream calls the call.
  public var upstreamID: CallMark?

  public init(
    id: StepID, user: UserID?, call: StepID? = nil, sequence: UInt64 = 0,
    tokens: TokenUsage? = nil, model: ModelName? = nil, cost: CallCost, agent: StepID? = nil,
    durationMilliseconds: UInt32? = nil, finishReason: CallMark? = nil,
    upstreamID: CallMark? = nil, estimate: NanoCredits? = nil
  ) {
    self.id = id
    self.user = user
    self.call = call
    self.sequence = sequence
    self.tokens = tokens
    self.model = model
    self.cost = cost
    self.estimate = estimate
    self.agent = agent
    self.durationMilliseconds = durationMilliseconds
    self.finishReason = finishReason
    self.upstreamID = upstreamID
  }
}

extension SessionUsage {
  /// What it adds to a total: what it cost, or what it is taken for.
  public var counted: NanoCredits { cost.amount ?? estimate ?? .zero }
}

/// A message of the model, as far as it is no text.
public struct AssistantMessage: Hashable, Sendable {
  public var message: EntryID
  public var turn: UInt64?
  public var outputTokens: TokenCount?
  public var model: ModelName?

  public init(
    message: EntryID, turn: UInt64?, outputTokens: TokenCount? = nil, model: ModelName? = nil
  ) {
    self.message = message
    self.turn = turn
    self.outputTokens = outputTokens
    self.model = model
  }
}

/// The totals that a usage checkpoint shows.
public struct SessionTotals: Hashable, Sendable {
  public var total: NanoCredits
  public var callCount: UInt64

  public init(total: NanoCredits, callCount: UInt64) {
    self.total = total
    self.callCount = callCount
  }
}

/// "The cap is reached, what now?"
public struct ExhaustionRequest: Hashable, Sendable {
  public var id: EntryID
  public var used: NanoCredits
  public var limit: NanoCredits
  /// The shared budget whose figures these are; nil where they are the session's own.
  public var budget: BudgetID?

  public init(id: EntryID, used: NanoCredits, limit: NanoCredits, budget: BudgetID? = nil) {
    self.id = id
    self.used = used
    self.limit = limit
    self.budget = budget
  }
}

/// The answer to an exhaustion request.
public enum ExhaustionAnswer: Hashable, Sendable {
  case add(NanoCredits)
  case set(NanoCredits)
  case unset
  case cancel
}

/// Something that the people of a session should know. Raw values are part of the record format.
public enum SessionWarning: Hashable, Sendable {
  /// A call was dropped because the cap is reached.
  case limitReached(used: NanoCredits, limit: NanoCredits)
  /// A call was dropped because a shared budget is spent.
  case budgetReached(BudgetID, used: NanoCredits, limit: NanoCredits)
  /// A call was dropped because the user's token quota is used up.
  case quotaReached([Violation])
  /// The model has no price: its calls do not count against the cap, or none is made.
  case unknownPrice(ModelName, isRefused: Bool)
}

/// A failed model call, as far as it is no text.
public struct SessionError: Hashable, Sendable {
  public var kind: CallMark
  public var statusCode: UInt16?

  public init(kind: CallMark, statusCode: UInt16? = nil) {
    self.kind = kind
    self.statusCode = statusCode
  }
}

/// How a session was shut down. Raw values are part of the record format.
public enum SessionClosing: UInt8, CaseIterable, Sendable {
  case routine = 0
  case error = 1

  public var name: String {
    switch self {
    case .routine: "routine"
    case .error: "error"
    }
  }
}

/// A shared budget whose cap was set, or who may use it.
public struct BudgetChange: Hashable, Sendable {
  public var budget: BudgetID
  public var old: NanoCredits?
  public var new: NanoCredits
  /// nil: as before, and nobody at first.
  public var access: BudgetAccess?

  public init(
    budget: BudgetID, old: NanoCredits?, new: NanoCredits, access: BudgetAccess? = nil
  ) {
    self.budget = budget
    self.old = old
    self.new = new
    self.access = access
  }
}

extension SessionWarning {
  /// What to say about a call that was dropped because of an open question.
  public init(_ request: ExhaustionRequest) {
    if let budget = request.budget {
      self = .budgetReached(budget, used: request.used, limit: request.limit)
    } else {
      self = .limitReached(used: request.used, limit: request.limit)
    }
  }
}
