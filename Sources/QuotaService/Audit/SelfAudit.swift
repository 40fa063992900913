internal import EventLog
internal import Glibc
internal import Projections
internal import QuotaModel
internal import Synchronization

/// Folds random accounts afresh from the log, over and over, and compares them with what is answered; a
/// thread of its own that takes a small share of a processor.
public final class SelfAudit: Sendable {
  /// Records between two looks at the time.
  private static let recordsPerSlice = 10_000
  private static let shortestPauseMilliseconds = 1000

  private let store: Store
  /// The share of a processor that is taken, in percent.
  private let percent: Int
  private let status = Mutex(AuditStatus())
  /// Never filled: waiting for it is how the thread sleeps, and its end is how it ends.
  private let pauses = WorkQueue<Bool>(capacity: 1)
  private let thread: Mutex<pthread_t?> = Mutex(nil)
  private let report: @Sendable (AuditFinding) -> Void

  /// `report` is told what is found, on the thread of the audit.
  public init(
    of store: Store, percent: Int, report: @escaping @Sendable (AuditFinding) -> Void
  ) {
    self.store = store
    self.percent = percent
    self.report = report
  }

  /// Starts the thread. A process that ends before `stop` may crash: the thread uses what is torn down.
  public func start() {
    let auditing = Thread.start(named: "auditing") { [weak self] in
      while let audit = self, audit.isGoingOn { audit.run() }
    }
    thread.withLock { $0 = auditing }
  }

  public var currentStatus: AuditStatus { status.withLock { $0 } }

  /// Ends the thread.
  public func stop() {
    pauses.close()
    if let ending = thread.withLock({ $0.take() }) { pthread_join(ending, nil) }
  }

  private var isGoingOn: Bool { sleep(milliseconds: 0) }

  /// One pass, and the pause behind it.
  private func run() {
    let start = Self.now()
    do throws(StoreFailure) {
      try pass()
    } catch {
      // What could not be read just now, in an outage, differs from nothing: the next pass looks again.
      if error.isDamage {
        let position = error.damagedPosition ?? currentStatus.position
        note(AuditFinding(user: nil, text: error.description, position: position))
      }
    }
    let milliseconds = (Self.now() - start) / 1000
    _ = sleep(milliseconds: max(Self.shortestPauseMilliseconds, min(milliseconds, 60_000)))
  }

  private func pass() throws(StoreFailure) {
    // Not the generation itself: while it is held, a swap cannot go back to it.
    let generation = store.generation.path
    var pass = try AuditPass(of: store, users: try users())
    var end = try published()
    while pass.position < end {
      let start = Self.now()
      try pass.proceed(Self.recordsPerSlice, until: end)
      let used = Self.now() - start
      guard sleep(milliseconds: used * (100 - percent) / percent / 1000) else { return }
      if pass.position == end { end = try published() }
    }
    let finding = try pass.finding()
    // Another generation took its place meanwhile: the next pass looks at that one.
    guard store.generation.path == generation else { return }
    status.withLock {
      $0.passCount += 1
      $0.accountCount += UInt64(pass.users.count)
      $0.position = pass.position
    }
    note(finding)
  }

  /// What readers are answered from; the log may be ahead of it for a moment.
  private func published() throws(StoreFailure) -> Position { try Queries(store).system().position }

  /// What is found stays until an audit of the same account finds nothing any more.
  private func note(_ finding: AuditFinding?) {
    let isNew = status.withLock { (status) in
      defer { status.finding = finding }
      return finding.map { status.finding?.text != $0.text } ?? false
    }
    if let finding, isNew { report(finding) }
  }

  /// Accounts at random, and the one that something was found about.
  private func users() throws(StoreFailure) -> [UserID] {
    var users: Set<UserID> = []
    if let user = currentStatus.finding?.user { users.insert(user) }
    for _ in 0..<AuditPass.accountCount {
      let start = System.randomUser()
      let found = try usingProjection(
        store.generation.read { (snapshot) throws(ProjectionFailure) in
          try snapshot.storedAccounts(after: start, limit: 1)
            + snapshot.storedAccounts(after: nil, limit: 1)
        })
      if let user = found.first?.account.user { users.insert(user) }
    }
    return Array(users)
  }

  /// false: it is time to end.
  private func sleep(milliseconds: Int) -> Bool {
    var nothing: [Bool] = []
    return pauses.moveAll(to: &nothing, waitingAtMost: milliseconds)
  }

  /// Microseconds of a clock that nobody sets.
  private static func now() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
  }
}

extension StoreFailure {
  /// The record that is damaged, where that is the failure.
  fileprivate var damagedPosition: Position? {
    guard case .log(.damaged(let position, _)) = self else { return nil }
    return position
  }
}
