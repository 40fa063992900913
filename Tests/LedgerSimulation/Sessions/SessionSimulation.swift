internal import Projections
public import QuotaModel
public import QuotaService

/// A ledger and a naive reckoning that get the same random commands about sessions, while time passes
/// and the store is closed or dropped and opened again.
public final class SessionSimulation {
  public let path: String
  public let clock: HandClock
  public private(set) var naive: NaiveSessions
  /// Where the ledger answered otherwise, or told what may never happen; everything differs after it.
  public private(set) var disagreement: String?
  /// What was told of each session.
  public private(set) var witnesses: [SessionRef: SessionWitness] = [:]
  /// The sessions of the reckoning, in its order.
  public private(set) var refs: [SessionRef] = []
  private var numbers: SeededNumbers
  private var commands: RandomSessionCommands
  private var jumps = JumpingClock()
  /// nil while the store is closed.
  private var opened: (store: Store, ledger: Ledger)?

  /// Makes a store at `path`.
  public init(at path: String, seed: UInt64) throws(StoreFailure) {
    self.path = path
    numbers = SeededNumbers(seed: seed)
    // 2026-01-15, in the middle of every window.
    clock = HandClock(at: Moment(microseconds: 1_768_480_000_000_000))
    let users = (1...3 as ClosedRange<UInt64>).map { UserID(random: seed, $0) }
    naive = NaiveSessions(dailyLimits: [users[0]: 60, users[1]: .max, users[2]: .max])
    commands = RandomSessionCommands(refusesUnpriced: seed.isMultiple(of: 2), users: users)
    try Store.create(at: path, clock: clock.clock)
    try open()
    for user in users { register(user) }
  }

  private func register(_ user: UserID) {
    let limit = TokenLimit(user == commands.users[0] ? 60 : -1) ?? .unlimited
    let registration = Registration(user: user, name: nil, role: .user)
    let limits = LimitUpdates { $0 == .daily ? .set(limit) : .keep }
    _ = ledger.execute([
      Submission(.register(registration), by: .operator),
      Submission(.setLimits(.id(user), limits), by: .operator),
    ])
  }

  public var store: Store {
    guard let opened else { preconditionFailure("the store is closed") }
    return opened.store
  }

  public var ledger: Ledger {
    guard let opened else { preconditionFailure("the store is closed") }
    return opened.ledger
  }

  /// Runs so many batches, or until something is wrong.
  public func run(batches count: Int) throws(StoreFailure) {
    for _ in 0..<count where disagreement == nil {
      if !jumps.jumps(clock, using: &numbers) {
        clock.move(
          bySeconds: numbers.once(in: 30) ? numbers.number(0...40_000) : numbers.number(0...20))
      }
      if numbers.once(in: 30) {
        try reopen()
        // As a server does before it takes commands.
        if numbers.once(in: 2) { execute([.releaseLostCalls]) }
      }
      execute((0..<numbers.number(1...4)).map { _ in commands.command(naive, using: &numbers) })
    }
  }

  private func execute(_ batch: [SessionCommand]) {
    let answers = ledger.execute(batch.map { Submission(.session($0), by: .operator) })
    naive.begin(at: clock.now)
    for (command, answer) in zip(batch, answers) {
      let expected = naive.decide(command)
      let found = SessionOutcome(answer)
      guard found != expected, disagreement == nil else { continue }
      disagreement = """
        the ledger says \(found)
        instead of \(expected)
        to \(String(describing: command).prefix(600))
        """
    }
    if ledger.nextDeadline != naive.firstDeadline, disagreement == nil {
      disagreement = "the next reservation ends at \(String(describing: ledger.nextDeadline))"
    }
    noteQuestions()
  }

  /// The ids of questions are drawn; they are known by their order.
  private func noteQuestions() {
    for (number, id) in commands.questions.enumerated() {
      naive.questionNumbers[id.description] = number + 1
    }
  }

  private func hear(_ news: [SessionNews]) {
    for item in news {
      let ref = item.session.ref
      if case .sessionStarted = item.event.fact { refs.append(ref) }
      if case .session(_, .exhaustionRequested(let request)) = item.event.fact {
        commands.questions.append(request.id)
      }
      witnesses[ref, default: SessionWitness()].hear(item)
      if let fault = witnesses[ref]?.fault, disagreement == nil {
        disagreement = "in session \(ref), \(fault)"
      }
    }
  }

  /// Writes everything down and closes the store.
  public func close() throws(StoreFailure) {
    ledger.storeFolded()
    try store.close()
    opened = nil
  }

  /// Closes the store, or drops it as a crash does, and opens it again.
  public func reopen() throws(StoreFailure) {
    if numbers.once(in: 2) { try close() }
    opened = nil
    try open()
    for ref in refs {
      let session = try Queries(store).session(ref)
      if session != witnesses[ref]?.news.last?.session, disagreement == nil {
        disagreement = "after a restart session \(ref) is \(String(describing: session))"
      }
    }
  }

  private func open() throws(StoreFailure) {
    let store = try Store(at: path, mode: .writing)
    let ledger = try Ledger(store: store, clock: clock.clock)
    ledger.onNews = { [unowned self] in hear($0) }
    opened = (store, ledger)
  }
}
