public import QuotaModel

/// What somebody asks the ledger to do, and who asks.
public struct Submission: Sendable {
  public var command: Command
  public var actor: Actor
  /// Recognises a repetition; kept as long as the log.
  public var requestID: RequestID?
  public var reason: Reason?

  public init(
    _ command: Command, by actor: Actor, requestID: RequestID? = nil, reason: Reason? = nil
  ) {
    self.command = command
    self.actor = actor
    self.requestID = requestID
    self.reason = reason
  }
}

/// What the ledger can be asked to do. Rights were checked before.
///
/// Large payloads are kept apart: commands move between threads in arrays, and most are small.
public enum Command: Sendable {
  case recordUsage(UsageReport)
  case register(Registration)
  case setActive(UserReference, Bool)
  case setRole(UserReference, Role)
  /// Forgets who a user was, for good.
  case erase(UserReference)
  case issueToken(UserReference, NewToken, expiresAt: Moment?)
  case revokeToken(TokenID, of: UserReference?)
  case setLimits(UserReference, LimitUpdates, modes: ModeUpdates = ModeUpdates(repeating: .keep))
  case setDefaults(LimitUpdates, modes: ModeUpdates = ModeUpdates(repeating: .keep))
  /// Limits that change later; nil: the system's defaults.
  case schedule(UserReference?, LimitUpdates, effectiveAt: Moment)
  case cancelSchedule(ScheduleID)
  case allow(UserReference, Period, TokenCount)
  case correct(CorrectionTarget, TokenUsage)
  case check(UserReference, estimate: TokenCount?)
  case hold(HoldRequest)
  case settle(HoldID, HoldUsage)
  case extend(HoldID, timeToLiveSeconds: Int64)
  case void(HoldID)
  indirect case session(SessionCommand)
}

/// A user as a client names one.
public enum UserReference: Hashable, Sendable {
  case id(UserID)
  case name(String)

  /// Any spelling of a UUID is an id, everything else a name.
  public init(_ text: String) {
    self = UserID(spelling: text).map(UserReference.id) ?? .name(text)
  }
}

/// Tokens that were used.
public struct UsageReport: Sendable {
  public var user: UserReference
  public var usage: TokenUsage
  public var model: ModelName?
  /// nil: just now.
  public var happenedAt: Moment?
  /// Whether a user that nobody knows is registered with this.
  public var registersUnknownUser: Bool

  public init(
    user: UserReference, usage: TokenUsage, model: ModelName? = nil, happenedAt: Moment? = nil,
    registersUnknownUser: Bool = false
  ) {
    self.user = user
    self.usage = usage
    self.model = model
    self.happenedAt = happenedAt
    self.registersUnknownUser = registersUnknownUser
  }
}

/// A new user, with a first token or without.
public struct Registration: Sendable {
  public var user: UserID
  public var name: UserName?
  public var role: Role
  public var token: NewToken?

  public init(user: UserID, name: UserName?, role: Role, token: NewToken? = nil) {
    self.user = user
    self.name = name
    self.role = role
    self.token = token
  }
}

/// The event that a correction is about.
public enum CorrectionTarget: Hashable, Sendable {
  case position(Position)
  /// The request, of the same actor, that recorded it.
  case request(RequestID)
}

/// Tokens, and credits, to be set aside for a call.
public struct HoldRequest: Sendable {
  /// How long a hold may last.
  public static let timeToLiveSeconds: ClosedRange<Int64> = 1...86_400

  public var user: UserReference
  public var estimate: TokenCount
  public var timeToLiveSeconds: Int64
  public var session: SessionAddress?
  public var credits: NanoCredits?
  public var budgets: [BudgetID]

  public init(
    user: UserReference, estimate: TokenCount, timeToLiveSeconds: Int64,
    session: SessionAddress? = nil, credits: NanoCredits? = nil, budgets: [BudgetID] = []
  ) {
    self.user = user
    self.estimate = estimate
    self.timeToLiveSeconds = timeToLiveSeconds
    self.session = session
    self.credits = credits
    self.budgets = budgets
  }
}

/// What a held call used.
public struct HoldUsage: Sendable {
  public var usage: TokenUsage
  public var model: ModelName?
  /// What the reporter says that it cost.
  public var cost: NanoCredits?
  /// What the model's tokens cost at the moment.
  public var price: ModelPrice?
  /// Whether that was all of the call; the rest stays held otherwise.
  public var isFinal: Bool

  public init(
    _ usage: TokenUsage, model: ModelName? = nil, cost: NanoCredits? = nil,
    price: ModelPrice? = nil, isFinal: Bool = true
  ) {
    self.usage = usage
    self.model = model
    self.cost = cost
    self.price = price
    self.isFinal = isFinal
  }

  /// What it cost, where somebody knows.
  public var knownCost: NanoCredits? { cost ?? price?.cost(of: usage) }
}
