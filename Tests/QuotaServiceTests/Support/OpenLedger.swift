import LedgerSimulation
import QuotaModel
import QuotaService

/// A ledger on a store of its own, with a clock in hand.
final class OpenLedger {
  let clock = HandClock(at: Moment(microseconds: 1_768_480_000_000_000))
  let path: String
  private var opened: (store: Store, ledger: Ledger)?
  /// The last to go: LMDB knows open stores by their inodes, which the next directory may get.
  private let directory: TemporaryDirectory?

  /// Makes a store at `path`, or in a temporary directory.
  init(at path: String? = nil) throws {
    directory = path == nil ? try TemporaryDirectory() : nil
    self.path = path ?? (directory?.path ?? "") + "/store"
    try Store.create(at: self.path, clock: clock.clock)
    try open()
  }

  var store: Store { opened!.store }
  var ledger: Ledger { opened!.ledger }

  /// Drops everything that is in memory, as a crash does, and opens the store again.
  func reopen() throws {
    opened = nil
    try open()
  }

  /// Drops everything that is in memory, for tests that look at the files, or change them.
  func close() { opened = nil }

  private func open() throws {
    let store = try Store(at: path, mode: .writing)
    opened = (store, try Ledger(store: store, clock: clock.clock))
  }

  /// Carries out one command of the operator.
  @discardableResult
  func execute(_ command: Command, id: String? = nil) throws -> Answer {
    try execute([Submission(command, by: .operator, requestID: id.map(RequestID.init))])[0]
  }

  func execute(_ submissions: [Submission]) throws -> [Answer] { ledger.execute(submissions) }

  /// Registers a user, with the same limit for every period or none.
  func register(limit: Int64 = -1) throws -> UserID {
    let user = System.randomUser()
    try execute(.register(Registration(user: user, name: nil, role: .user)))
    let limit = TokenLimit(limit) ?? .unlimited
    try execute(.setLimits(.id(user), LimitUpdates { _ in .set(limit) }))
    return user
  }

  func hold(_ tokens: Int64, of user: UserID, seconds: Int64, id: String? = nil) throws -> Answer {
    try execute(.hold(user: user, tokens, seconds: seconds), id: id)
  }

  /// What today's window of a user holds.
  func used(by user: UserID) throws -> Int64? {
    try Queries(store).usage(of: .id(user), at: clock.now)?.used.daily.rawValue
  }
}

extension Command {
  static func usage(of user: UserID, _ tokens: Int64) -> Command {
    .recordUsage(UsageReport(user: .id(user), usage: .tokens(tokens)))
  }

  static func hold(user: UserID, _ tokens: Int64, seconds: Int64) -> Command {
    .hold(
      HoldRequest(
        user: .id(user), estimate: TokenCount(tokens) ?? .zero, timeToLiveSeconds: seconds))
  }

  static func settle(_ hold: HoldID, _ tokens: Int64) -> Command {
    .settle(hold, HoldUsage(.tokens(tokens)))
  }
}

extension TokenUsage {
  static func tokens(_ count: Int64) -> TokenUsage {
    TokenUsage(total: TokenCount(count) ?? .zero)
  }
}

extension Answer {
  var receipt: Receipt? {
    switch self {
    case .recorded(let receipt), .refused(_, let receipt, _), .extended(_, let receipt): receipt
    case .held(let held): held.receipt
    case .settled(let settled): settled.receipt
    case .unchanged, .granted, .session, .budget, .failed: nil
    }
  }

  var hold: HoldID? {
    if case .held(let held) = self { held.hold } else { nil }
  }

  var failure: CommandFailure? {
    if case .failed(let failure) = self { failure } else { nil }
  }
}
