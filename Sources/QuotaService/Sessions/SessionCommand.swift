public import QuotaModel

/// What the ledger can be asked to do about sessions and shared budgets. Rights were checked before,
/// but for what `SessionAddress` says.
public enum SessionCommand: Sendable {
  case start(SessionOpening)
  case resume(SessionAddress, SessionResumption)
  case setLimit(SessionAddress, CapUpdate, change: StepID?)
  case setModel(SessionAddress, ModelName)
  /// A user message: its id, and the text as JSON.
  case receive(SessionAddress, EntryID, text: [UInt8])
  case admit(SessionAddress, CallRequest)
  case endCall(SessionAddress, CallOutcome)
  case recordUsage(SessionAddress, CallUsage)
  /// Ends a turn whose call was never let in; nil: nobody is to be warned.
  case drop(SessionAddress, StepID, SessionWarning?)
  case abort(SessionAddress)
  /// The session could not even try a model call.
  case fail(SessionAddress, SessionError, text: [UInt8])
  case answer(SessionAddress, request: String, ExhaustionAnswer)
  case clear(SessionAddress)
  case close(SessionAddress, SessionClosing)
  case delete(SessionAddress)
  /// Options without effect that a client has set; each is told once in a session.
  case noteIgnored(SessionAddress, [CallMark])
  /// nil: whoever may use it stays; nobody at first.
  case setBudget(BudgetID, NanoCredits, BudgetAccess?)
  /// Ends the calls that were under way in turns of a process that has ended.
  case releaseLostCalls
}

/// Which session somebody means, and what they may see: to others it does not exist.
public struct SessionAddress: Hashable, Sendable {
  public var id: SessionID
  public var viewer: SessionViewer
  /// The one session that is meant: the id of a deleted one may be another's by now.
  public var ref: SessionRef?

  public init(_ id: SessionID, as viewer: SessionViewer, ref: SessionRef? = nil) {
    self.id = id
    self.viewer = viewer
    self.ref = ref
  }
}

/// Whose sessions somebody may see.
public enum SessionViewer: Hashable, Sendable {
  case everybody
  /// Those of one user only.
  case user(UserID)

  public func sees(_ session: Session) -> Bool {
    switch self {
    case .everybody: true
    case .user(let user): session.user == user
    }
  }
}

/// What becomes of a cap (contract session-limits, 2.2).
public enum CapUpdate: Hashable, Sendable {
  case keep
  case remove
  case set(NanoCredits)
}

/// A session to be begun.
public struct SessionOpening: Sendable {
  public var id: SessionID
  public var user: UserID?
  /// Who asks: nobody takes over a session that they do not see.
  public var viewer: SessionViewer
  public var limit: CapUpdate
  public var model: ModelName?
  public var budget: BudgetID?
  /// What is kept beside the log: directory, system message.
  public var text: [UInt8]
  /// What a session that exists already means.
  public var whenItExists: ExistingSession

  /// What to do where the session exists already.
  public enum ExistingSession: Sendable {
    /// Take it up; a cap in the request is an update.
    case attach
    /// Nothing, if it was begun with the same content; else that is a conflict.
    case compare
  }

  public init(
    id: SessionID, user: UserID?, viewer: SessionViewer, limit: CapUpdate = .keep,
    model: ModelName? = nil, budget: BudgetID? = nil, text: [UInt8] = [],
    whenItExists: ExistingSession
  ) {
    self.id = id
    self.user = user
    self.viewer = viewer
    self.limit = limit
    self.model = model
    self.budget = budget
    self.text = text
    self.whenItExists = whenItExists
  }
}

/// How a session is taken up again.
public struct SessionResumption: Sendable {
  public var limit: CapUpdate
  public var model: ModelName?
  public var wasActive: Bool
  /// Whether clients are to be told by an event.
  public var isSilent: Bool

  public init(
    limit: CapUpdate = .keep, model: ModelName? = nil, wasActive: Bool = false,
    isSilent: Bool = false
  ) {
    self.limit = limit
    self.model = model
    self.wasActive = wasActive
    self.isSilent = isSilent
  }
}

/// A model call that wants to start.
public struct CallRequest: Sendable {
  public var call: StepID
  /// What it may cost, where somebody knows a bound.
  public var estimate: NanoCredits?
  /// What it is taken for where nothing else is known.
  public var fallback: NanoCredits
  /// How long the reservation lasts if nobody says anything.
  public var timeToLiveSeconds: Int64
  public var model: ModelName?
  /// What its input alone costs at most, where that is known.
  public var inputCost = NanoCredits.zero
  /// Whether the model has no price.
  public var isUnpriced: Bool
  /// Whether a capped session refuses a model without price.
  public var refusesUnpriced: Bool
  /// nil: somebody else makes the call and asks.
  public var turn: Turn?

  /// A turn of the service itself that wants to make the call.
  public struct Turn: Sendable {
    /// Whether somebody will answer when the cap is reached: then the turn waits.
    public var isAnswerable: Bool

    public init(isAnswerable: Bool) { self.isAnswerable = isAnswerable }
  }

  public init(
    call: StepID, estimate: NanoCredits?, fallback: NanoCredits, timeToLiveSeconds: Int64,
    model: ModelName? = nil, isUnpriced: Bool = false, refusesUnpriced: Bool = false, turn: Turn?
  ) {
    self.call = call
    self.estimate = estimate
    self.fallback = fallback
    self.timeToLiveSeconds = timeToLiveSeconds
    self.model = model
    self.isUnpriced = isUnpriced
    self.refusesUnpriced = refusesUnpriced
    self.turn = turn
  }
}

/// How a call of a turn ended.
public struct CallOutcome: Sendable {
  public var call: StepID
  public var turn: UInt64
  /// nil: nothing was used.
  public var usage: CallUsage?
  /// Why nothing was used.
  public var end: CallEnd
  public var message: (id: EntryID, text: [UInt8])?
  public var error: (error: SessionError, text: [UInt8])?
  public var isAborted = false

  public init(call: StepID, turn: UInt64, usage: CallUsage? = nil, end: CallEnd = .failed) {
    self.call = call
    self.turn = turn
    self.usage = usage
    self.end = end
  }
}

/// What a finished call used, as somebody reports it.
public struct CallUsage: Sendable {
  public var id: StepID
  /// The call that was admitted for it.
  public var call: StepID?
  public var tokens: TokenUsage?
  public var model: ModelName?
  /// Whether the call may have been served and told nothing: what it used is unknown, not zero.
  public var isLost = false
  /// What the reporter says that it cost.
  public var cost: NanoCredits?
  /// What the model's tokens cost at the moment.
  public var price: ModelPrice?
  public var agent: StepID?
  public var durationMilliseconds: UInt32?
  public var finishReason: CallMark?
  public var upstreamID: CallMark?

  public init(id: StepID, call: StepID? = nil) {
    self.id = id
    self.call = call
  }
}
