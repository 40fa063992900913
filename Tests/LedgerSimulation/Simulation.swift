internal import Dispatch
internal import Projections
public import QuotaModel
public import QuotaService

/// A ledger and a naive reckoning that get the same random commands, at times that jump, with the
/// store closed or dropped and opened again in between.
public final class Simulation {
  public let path: String
  public let clock: HandClock
  public private(set) var naive: NaiveLedger
  /// Where the ledger answered otherwise; at most one, because everything differs afterwards.
  public private(set) var disagreement: String?
  /// Batches of which nothing was recorded, because the disk was full.
  public private(set) var refusedBatchCount = 0
  private var numbers: SeededNumbers
  private var commands: RandomCommands
  private var calendar = CalendarSetting.default
  private var jumps = JumpingClock()
  /// What still writes to the store.
  private let jobs = DispatchGroup()
  /// nil while the store is closed.
  private var opened: (store: Store, ledger: Ledger)?

  /// Makes a store at `path`.
  public init(at path: String, seed: UInt64) throws(StoreFailure) {
    self.path = path
    numbers = SeededNumbers(seed: seed)
    commands = RandomCommands(using: &numbers)
    // 2026-01-15, in the middle of every window.
    clock = HandClock(at: Moment(microseconds: 1_768_480_000_000_000))
    naive = NaiveLedger(calendar: .utc)
    try Store.create(at: path, clock: clock.clock)
    try open()
    execute(commands.registrations)
  }

  deinit { jobs.wait() }

  public var store: Store {
    guard let opened else { preconditionFailure("the store is closed") }
    return opened.store
  }

  public var ledger: Ledger {
    guard let opened else { preconditionFailure("the store is closed") }
    return opened.ledger
  }

  /// Runs so many batches, or until the answers differ.
  public func run(batches count: Int, reopening mayReopen: Bool = true) throws(StoreFailure) {
    for _ in 0..<count where disagreement == nil {
      moveClock()
      if mayReopen, numbers.once(in: 25) { try reopen() }
      if numbers.once(in: 15) { ledger.storeFolded() }
      execute(commands.batch(naive, clock.now, using: &numbers))
    }
  }

  /// Runs batches until one is refused as a whole, at most so many; answers whether one was.
  public func runUntilUnavailable(batches count: Int) throws(StoreFailure) -> Bool {
    let before = refusedBatchCount
    for _ in 0..<count where refusedBatchCount == before {
      try run(batches: 1, reopening: false)
    }
    return refusedBatchCount > before
  }

  /// A moment near enough that something may have happened around it.
  public func randomMoment() -> Moment {
    Moment(microseconds: clock.now.microseconds - numbers.number(0...60 * 86_400) * 1_000_000)
  }

  /// Writes everything down and closes the store.
  public func close() throws(StoreFailure) {
    ledger.storeFolded()
    try store.close()
    opened = nil
  }

  /// Closes the store, or drops it as a crash does, and opens it again.
  private func reopen() throws(StoreFailure) {
    if numbers.once(in: 2) { try close() }
    opened = nil
    // A process has a store open once at a time, and a job has it open too.
    jobs.wait()
    try open()
  }

  private func open() throws(StoreFailure) {
    let store = try Store(at: path, mode: .writing)
    if naive.position == .zero || numbers.once(in: 3) { try moveCalendar(of: store) }
    let ledger = try Ledger(store: store, clock: clock.clock)
    if numbers.once(in: 2) {
      let jobs = jobs
      ledger.storeInBackground = { job in
        DispatchQueue.global().async(group: jobs) { job.run() }
      }
    }
    opened = (store, ledger)
  }

  private func moveCalendar(of store: Store) throws(StoreFailure) {
    let setting = CalendarSetting(
      zone: numbers.element(of: ["UTC", "Europe/Tallinn", "America/St_Johns", "Pacific/Apia"]),
      weekStart: numbers.element(of: [.monday, .sunday]))
    if naive.position == .zero || setting != calendar {
      naive.record(.calendarChanged, clock: clock.now)
    }
    try store.setCalendar(setting, clock: clock.clock)
    calendar = setting
    naive.calendar = try TimeZones.calendar(setting)
  }

  /// Seconds as a rule; sometimes days, and sometimes back.
  private func moveClock() {
    if jumps.jumps(clock, using: &numbers) { return }
    switch Int.random(in: 0..<40, using: &numbers) {
    case 0: clock.move(bySeconds: numbers.number(0...40 * 86_400))
    case 1, 2: clock.move(bySeconds: numbers.number(-7200...0))
    case 3...5: clock.move(bySeconds: numbers.number(0...20_000))
    default: clock.move(bySeconds: numbers.number(0...40))
    }
  }

  private func execute(_ batch: [Submission]) {
    // Without an answer nobody could tell whether holds have expired.
    if batch.isEmpty { return }
    let answers = ledger.execute(batch)
    if answers.allSatisfy(\.isUnavailable) {
      refusedBatchCount += 1
      return
    }
    let expected = naive.execute(batch, clock: clock.now)
    let pairs = zip(answers, expected).enumerated()
    guard let (index, pair) = pairs.first(where: { $1.0 != $1.1 }) else { return }
    disagreement = """
      to \(batch[index])
      the ledger says \(pair.0)
      instead of \(pair.1)
      """
  }
}

extension Answer {
  fileprivate var isUnavailable: Bool {
    if case .failed(.unavailable) = self { true } else { false }
  }
}
