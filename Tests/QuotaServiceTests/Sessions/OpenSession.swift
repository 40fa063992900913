import LedgerSimulation
import QuotaModel
import QuotaService

/// A session in a ledger of its own, which people can do things to by name.
final class OpenSession {
  let open: OpenLedger
  let id: SessionID

  init(limit: Int64? = nil, budget: Int64? = nil) throws {
    open = try OpenLedger()
    id = try SessionID("s1")
    if let budget { try execute(.setBudget(try BudgetID("b1"), .of(budget), .open)) }
    try start(id, limit: limit, budget: budget == nil ? nil : try BudgetID("b1"))
  }

  var address: SessionAddress { SessionAddress(id, as: .everybody) }

  /// The session as it is stored.
  func session() throws -> Session? { try Queries(open.store).session(address) }

  @discardableResult
  func start(
    _ id: SessionID, user: UserID? = nil, limit: Int64? = nil, budget: BudgetID? = nil,
    text: [UInt8] = []
  ) throws -> Answer {
    try execute(
      .start(
        SessionOpening(
          id: id, user: user, viewer: .everybody, limit: limit.map { .set(.of($0)) } ?? .keep,
          budget: budget, text: text, whenItExists: .compare)))
  }

  @discardableResult
  func execute(_ command: SessionCommand) throws -> Answer { try open.execute(.session(command)) }

  /// What comes of a call that somebody outside wants to make.
  func check(_ call: String, estimate: Int64 = 1, seconds: Int64 = 600) throws -> SessionResult? {
    try execute(.admit(address, .outside(call, estimate: estimate, seconds: seconds))).result
  }

  @discardableResult
  func report(
    _ usage: String, nano: Int64?, call: String? = nil, model: String? = nil
  ) throws -> SessionResult? {
    var report = CallUsage(id: try StepID(usage), call: try call.map(StepID.init(_:)))
    report.cost = nano.map(NanoCredits.of)
    report.model = try model.map(ModelName.init)
    return try execute(.recordUsage(address, report)).result
  }
}

extension CallRequest {
  static func outside(_ call: String, estimate: Int64, seconds: Int64 = 600) throws -> CallRequest {
    CallRequest(
      call: try StepID(call), estimate: .of(estimate), fallback: .of(1),
      timeToLiveSeconds: seconds, turn: nil)
  }
}

extension NanoCredits {
  /// An amount that a test names.
  static func of(_ number: Int64) -> NanoCredits {
    guard let amount = NanoCredits(number) else { preconditionFailure("\(number) is no amount") }
    return amount
  }
}

extension Answer {
  var result: SessionResult? {
    if case .session(let answer) = self { answer.result } else { nil }
  }

  var session: Session? {
    if case .session(let answer) = self { answer.session } else { nil }
  }
}
