internal import Glibc
internal import Projections
public import QuotaModel
internal import Synchronization

/// The thread that decides and commits: whatever waits becomes one batch, one flush, one answer each.
/// A second thread writes the projection's tables, for which nobody waits.
///
/// Commands that arrive during a flush form the next batch.
public final class Committer: Sendable {
  /// Commands that may wait; more are refused at once.
  public static let queueCapacity = 16_384

  /// A command and where its answer goes.
  public struct Ticket: Sendable {
    public let submission: Submission
    /// The caller's own number for it.
    public let number: UInt64
    /// The losses of rights that were known when the command was let in.
    let rights: RightsEpoch

    public init(_ submission: Submission, number: UInt64, rights: RightsEpoch = .settled) {
      self.submission = submission
      self.number = number
      self.rights = rights
    }
  }

  /// An answer, and the number of the ticket that it belongs to.
  public typealias NumberedAnswer = (number: UInt64, answer: Answer)

  private let queue: WorkQueue<Ticket>
  private let status: Mutex<CommitterStatus>
  private let storing: StoringThread
  private let overwriting: OverwritingThread
  private let swapping: SwapThread
  private let thread: Mutex<pthread_t?>

  /// Starts the thread. `deliver` is called on it, once for each batch, with a number and an answer
  /// for every ticket of the batch; before it `onRightsChanged`, where the batch changes who may do
  /// what, and `onNews`, with what happened in sessions.
  public init(
    store: Store, settings: LedgerSettings = LedgerSettings(),
    clock: @escaping Clock = System.clock, onNews: (@Sendable ([SessionNews]) -> Void)? = nil,
    onRightsChanged: (@Sendable (RightsEpoch) -> Void)? = nil,
    deliver: @escaping @Sendable ([NumberedAnswer]) -> Void
  ) throws(StoreFailure) {
    queue = WorkQueue(capacity: Self.queueCapacity)
    status = Mutex(CommitterStatus())
    thread = Mutex(nil)
    let ledger = try Ledger(store: store, settings: settings, clock: clock)
    ledger.onNews = onNews
    // Known before the first turn: a store may be read-only from its start.
    status.withLock { $0.outage = ledger.outage?.description }
    ledger.onRightsChanged = onRightsChanged
    let overwriting = OverwritingThread(names: store.names)
    self.overwriting = overwriting
    ledger.overwriteInBackground = { overwriting.start() }
    let storing = StoringThread()
    self.storing = storing
    ledger.storeInBackground = { storing.run($0) }
    let takeovers = TakeoverBox { [queue] in queue.wake() }
    swapping = SwapThread(store: store, takeovers: takeovers)
    let loop = CommitLoop(
      ledger: ledger, clock: clock, queue: queue, takeovers: takeovers, deliver: deliver
    ) { [weak self] status in self?.status.withLock { $0 = status } }
    let committing = Thread.start(named: "committing", loop.run)
    thread.withLock { $0 = committing }
  }

  /// Hands commands over. Those that stay in `tickets` did not fit and never will.
  public func submit(_ tickets: inout [Ticket]) { queue.take(from: &tickets) }

  /// How the committer is doing.
  public var currentStatus: CommitterStatus { status.withLock { $0 } }

  /// Commits what waits, and ends the thread.
  public func stop() {
    // Before the committer, which it may be waiting for.
    swapping.stop()
    queue.close()
    guard let ending = thread.withLock({ $0.take() }) else { return }
    // The committer may still hand over work until it ends.
    pthread_join(ending, nil)
    storing.stop()
    overwriting.stop()
  }
}

/// What operators want to know about the committer.
public struct CommitterStatus: Sendable {
  /// Why commands fail at the moment; nil while they do not.
  public var outage: String?
  /// When the last event was recorded.
  public var recordedAt = Moment(microseconds: .min)
  public var batchCount: UInt64 = 0
  public var commandCount: UInt64 = 0
}

/// The life of the committer's thread. Only that thread touches it.
private final class CommitLoop: @unchecked Sendable {
  private let ledger: Ledger
  private let clock: Clock
  private let queue: WorkQueue<Committer.Ticket>
  private let takeovers: TakeoverBox
  private let deliver: @Sendable ([Committer.NumberedAnswer]) -> Void
  private let report: @Sendable (CommitterStatus) -> Void
  private var status = CommitterStatus()

  init(
    ledger: Ledger, clock: @escaping Clock, queue: WorkQueue<Committer.Ticket>,
    takeovers: TakeoverBox, deliver: @escaping @Sendable ([Committer.NumberedAnswer]) -> Void,
    report: @escaping @Sendable (CommitterStatus) -> Void
  ) {
    self.ledger = ledger
    self.clock = clock
    self.queue = queue
    self.takeovers = takeovers
    self.deliver = deliver
    self.report = report
  }

  func run() {
    defer {
      ledger.storeFolded()
      ledger.keepCheckpoint(isLast: true)
    }
    tellStatus()
    var tickets: [Committer.Ticket] = []
    while queue.moveAll(to: &tickets, waitingAtMost: waitMilliseconds()) {
      if let takeover = takeovers.take() { takeover.carryOut(by: ledger) }
      if !tickets.isEmpty {
        commit(tickets)
        tickets.removeAll(keepingCapacity: true)
      } else if ledger.outage != nil {
        _ = try? ledger.recover()
      } else if ledger.isTimeDue {
        ledger.letTimePass()
      } else {
        // Nobody waits: a good moment to write down what is only in memory.
        ledger.storeFolded()
      }
      ledger.keepCheckpoint()
      tellStatus()
    }
  }

  private func tellStatus() {
    status.outage = ledger.outage?.description
    status.recordedAt = ledger.recordedAt
    report(status)
  }

  private func commit(_ tickets: [Committer.Ticket]) {
    let answers = ledger.execute(tickets)
    status.batchCount += 1
    status.commandCount += UInt64(tickets.count)
    deliver(answers)
  }

  /// Until the next deadline, at most a second: the clock may jump while we wait. Shorter where
  /// something is to be stored as soon as nothing else is to be done.
  private func waitMilliseconds() -> Int {
    guard ledger.outage == nil else { return 1000 }
    let longest: Int64 = ledger.hasUnstored ? 50 : 1000
    guard let deadline = ledger.nextDeadline else { return Int(longest) }
    let microseconds = deadline.microseconds - clock().microseconds
    return Int(min(max(microseconds / 1000 + 1, 1), longest))
  }
}
