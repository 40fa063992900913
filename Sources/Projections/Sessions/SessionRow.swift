internal import LMDB
internal import QuotaModel

/// The stored form of a session, under its number.
enum SessionRow {
  static func bytes(of session: Session) -> [UInt8] {
    var row: [UInt8] = []
    row.reserveCapacity(320)
    row.appendText(session.id.description)
    row.append(session.user == nil ? 0 : 1)
    if let user = session.user { row.appendUser(user) }
    row.append(session.seed)
    row.appendOptional(session.budget)
    row.appendInteger(session.startedAt.microseconds)
    row.appendInteger(session.updatedAt.microseconds)
    row.append(session.phase.rawValue)
    row.appendOptional(session.model)
    row.appendOptional(session.limit)
    row.appendInteger(session.total.rawValue)
    row.append(session.window)
    row.append(session.request)
    row.append(session.calls)
    row.append(session.lostCalls)
    row.append(session.counts)
    row.append(session.models)
    row.appendInteger(UInt16(session.warnedModels.count))
    for model in session.warnedModels { row.appendOptional(model) }
    row.append(UInt8(session.ignoredOptions.count))
    for name in session.ignoredOptions { row.appendText(name.description) }
    row.appendInteger(session.lastEvent.number)
    return row
  }

  static func session(
    _ ref: SessionRef, from row: RawSpan
  ) throws(ProjectionFailure) -> Session {
    var row = RowReader(row, of: "sessions")
    let id = try row.bounded(SessionID.init)
    let user = try row.byte() == 0 ? nil : try row.user()
    var session = StoredSession(
      ref: ref, id: id, user: user, seed: try row.entryID(),
      budget: try row.optional(BudgetID.init), startedAt: try row.moment(),
      updatedAt: try row.moment())
    guard let phase = SessionPhase(rawValue: try row.byte()) else { throw row.damage }
    session.phase = phase
    session.model = try row.optional(ModelName.init)
    session.limit = try row.optionalCredits()
    session.total = try row.credits()
    session.window = try row.window()
    session.request = try row.request()
    session.calls = try row.calls()
    session.lostCalls = try row.lostCalls()
    session.counts = try row.counts()
    session.models = try row.models()
    for _ in 0..<(try row.count()) {
      session.warnedModels.append(try row.bounded(ModelName.init))
    }
    for _ in 0..<(try row.byte()) {
      session.ignoredOptions.append(try row.bounded(CallMark.init))
    }
    session.lastEvent = SessionEventPlace(number: try row.word())
    guard row.isAtEnd else { throw row.damage }
    return Session(session)
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ id: EntryID) {
    appendInteger(id.high)
    appendInteger(id.low)
  }

  fileprivate mutating func append(_ window: SessionWindow) {
    appendInteger(window.number)
    appendInteger(window.startedAt.microseconds)
    appendInteger(window.base.rawValue)
    appendInteger(window.dearestCall.rawValue)
  }

  fileprivate mutating func append(_ request: ExhaustionRequest?) {
    append(request == nil ? 0 : 1)
    guard let request else { return }
    append(request.id)
    appendInteger(request.used.rawValue)
    appendInteger(request.limit.rawValue)
    appendOptional(request.budget)
  }

  fileprivate mutating func append(_ calls: [OpenCall]) {
    appendInteger(UInt64(calls.count))
    for call in calls {
      appendText(call.call.description)
      appendInteger(call.reservation.rawValue)
      appendInteger(call.expiresAt.microseconds)
      appendInteger(call.admittedAt.rawValue)
      append(call.isOwn ? 1 : 0)
    }
  }

  fileprivate mutating func append(_ calls: [LostCall]) {
    append(UInt8(calls.count))
    for call in calls {
      appendText(call.call.description)
      appendInteger(call.estimate.rawValue)
    }
  }

  fileprivate mutating func append(_ counts: SessionCounts) {
    for number in [
      counts.calls, counts.unpricedCalls, counts.userMessages, counts.turns,
      counts.durableEvents, counts.apiMilliseconds,
    ] {
      appendInteger(number)
    }
    appendInteger(counts.lastInput.rawValue)
    appendInteger(counts.lastOutput.rawValue)
  }

  fileprivate mutating func append(_ models: [ModelUse]) {
    appendInteger(UInt16(models.count))
    for use in models {
      appendText(use.model.description)
      appendInteger(use.calls)
      appendInteger(use.cost.rawValue)
      for tokens in [use.input, use.output, use.cacheRead, use.cacheWrite, use.reasoning] {
        appendInteger(tokens.rawValue)
      }
    }
  }
}

extension RowReader {
  @_lifetime(self: copy self)
  mutating func count() throws(ProjectionFailure) -> Int {
    Int(try byte()) | Int(try byte()) << 8
  }

  @_lifetime(self: copy self)
  fileprivate mutating func window() throws(ProjectionFailure) -> SessionWindow {
    SessionWindow(
      number: try word(), startedAt: try moment(), base: try credits(),
      dearestCall: try credits())
  }

  @_lifetime(self: copy self)
  fileprivate mutating func request() throws(ProjectionFailure) -> ExhaustionRequest? {
    if try byte() == 0 { return nil }
    return ExhaustionRequest(
      id: try entryID(), used: try credits(), limit: try credits(),
      budget: try optional(BudgetID.init))
  }

  @_lifetime(self: copy self)
  fileprivate mutating func calls() throws(ProjectionFailure) -> [OpenCall] {
    var calls: [OpenCall] = []
    for _ in 0..<(try word()) {
      calls.append(
        OpenCall(
          call: try bounded(StepID.init(stored:)), reservation: try credits(),
          expiresAt: try moment(),
          admittedAt: try position(), isOwn: try byte() == 1))
    }
    return calls
  }

  @_lifetime(self: copy self)
  fileprivate mutating func lostCalls() throws(ProjectionFailure) -> [LostCall] {
    var calls: [LostCall] = []
    for _ in 0..<(try byte()) {
      calls.append(LostCall(call: try bounded(StepID.init(stored:)), estimate: try credits()))
    }
    return calls
  }

  @_lifetime(self: copy self)
  fileprivate mutating func counts() throws(ProjectionFailure) -> SessionCounts {
    var counts = SessionCounts()
    counts.calls = try word()
    counts.unpricedCalls = try word()
    counts.userMessages = try word()
    counts.turns = try word()
    counts.durableEvents = try word()
    counts.apiMilliseconds = try word()
    counts.lastInput = try tokens()
    counts.lastOutput = try tokens()
    return counts
  }

  @_lifetime(self: copy self)
  fileprivate mutating func models() throws(ProjectionFailure) -> [ModelUse] {
    var models: [ModelUse] = []
    for _ in 0..<(try count()) {
      var use = ModelUse(model: try bounded(ModelName.init))
      use.calls = try word()
      use.cost = try credits()
      use.input = try tokens()
      use.output = try tokens()
      use.cacheRead = try tokens()
      use.cacheWrite = try tokens()
      use.reasoning = try tokens()
      models.append(use)
    }
    return models
  }
}

/// The stored form of a shared budget, under its id.
enum BudgetRow {
  static func bytes(of budget: SharedBudget) -> [UInt8] {
    var row: [UInt8] = []
    row.appendInteger(budget.limit.rawValue)
    row.appendInteger(budget.used.rawValue)
    row.appendInteger(budget.reserved.rawValue)
    row.appendInteger(UInt64(budget.asking.count))
    for session in budget.asking { row.appendInteger(session.position.rawValue) }
    row.appendInteger(budget.calls)
    row.appendInteger(budget.unpricedCalls)
    row.append(UInt8(budget.dearestCalls.count))
    for call in budget.dearestCalls {
      row.appendOptional(call.model)
      row.appendInteger(call.cost.rawValue)
    }
    switch budget.access {
    case .open: row.append(1)
    case .members(let members):
      row.append(0)
      for member in members { row.appendUser(member) }
    }
    return row
  }

  static func budget(_ id: BudgetID, from row: RawSpan) throws(ProjectionFailure) -> SharedBudget {
    var row = RowReader(row, of: "budgets")
    var budget = SharedBudget(id: id, limit: try row.credits())
    budget.used = try row.credits()
    budget.reserved = try row.credits()
    for _ in 0..<(try row.word()) { budget.asking.append(SessionRef(try row.position())) }
    budget.calls = try row.word()
    budget.unpricedCalls = try row.word()
    for _ in 0..<(try row.byte()) {
      budget.dearestCalls.append(
        DearestCall(model: try row.optional(ModelName.init), cost: try row.credits()))
    }
    budget.access = try row.access()
    return budget
  }
}

extension RowReader {
  @_lifetime(self: copy self)
  fileprivate mutating func access() throws(ProjectionFailure) -> BudgetAccess {
    switch try byte() {
    case 0: break
    case 1 where isAtEnd: return .open
    default: throw damage
    }
    var members: [UserID] = []
    while !isAtEnd { members.append(try user()) }
    return .members(members)
  }
}
