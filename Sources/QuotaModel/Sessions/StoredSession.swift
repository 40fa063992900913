/// A session's folded state laid open, for whoever stores it.
public struct StoredSession {
  public var ref: SessionRef
  public var id: SessionID
  public var user: UserID?
  public var seed: EntryID
  public var budget: BudgetID?
  public var startedAt: Moment
  public var updatedAt: Moment
  public var phase = SessionPhase.open
  public var model: ModelName?
  public var limit: NanoCredits?
  public var total = NanoCredits.zero
  public var window = SessionWindow(
    number: 1, startedAt: Moment(microseconds: 0), base: .zero, dearestCall: .zero)
  public var request: ExhaustionRequest?
  public var calls: [OpenCall] = []
  public var lostCalls: [LostCall] = []
  public var counts = SessionCounts()
  public var models: [ModelUse] = []
  public var warnedModels: [ModelName] = []
  public var ignoredOptions: [CallMark] = []
  public var lastEvent = SessionEventPlace(position: .zero, index: 0)

  public init(
    ref: SessionRef, id: SessionID, user: UserID?, seed: EntryID, budget: BudgetID?,
    startedAt: Moment, updatedAt: Moment
  ) {
    self.ref = ref
    self.id = id
    self.user = user
    self.seed = seed
    self.budget = budget
    self.startedAt = startedAt
    self.updatedAt = updatedAt
  }
}

extension Session {
  public init(_ stored: StoredSession) {
    ref = stored.ref
    id = stored.id
    user = stored.user
    seed = stored.seed
    budget = stored.budget
    startedAt = stored.startedAt
    updatedAt = stored.updatedAt
    phase = stored.phase
    model = stored.model
    limit = stored.limit
    total = stored.total
    window = stored.window
    request = stored.request
    calls = stored.calls
    lostCalls = stored.lostCalls
    counts = stored.counts
    models = stored.models
    warnedModels = stored.warnedModels
    ignoredOptions = stored.ignoredOptions
    lastEvent = stored.lastEvent
  }
}
