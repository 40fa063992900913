internal import Glibc
internal import Projections
internal import Synchronization

/// The thread of a server that swaps generations when a command asks for it.
///
/// It opens the new one and catches it up while the committer goes on; only the last few events and the
/// exchange itself are left to the committer. It lives until `stop`. See the decision `generations`.
final class SwapThread: Sendable {
  private static let pollMilliseconds = 100
  /// Events that may be left to the committer: each costs it a few microseconds.
  private static let maximumTail: UInt64 = 128
  /// More than this would hold everybody up.
  private static let maximumLateTail: UInt64 = 8192
  /// How often it is tried to come near, while the log grows.
  private static let maximumPassCount = 50

  private let generations: Generations
  private let takeovers: TakeoverBox
  private let isStopping = Atomic<Bool>(false)
  /// Nothing is ever put into it: it is what the thread sleeps on.
  private let doorbell = WorkQueue<Never>(capacity: 1)
  private let thread = Mutex<pthread_t?>(nil)

  init(store: Store, takeovers: TakeoverBox) {
    generations = Generations(ofStoreAt: store.path, log: store.log)
    self.takeovers = takeovers
    let swapping = Thread.start(named: "swapping") { self.run() }
    thread.withLock { $0 = swapping }
  }

  /// Gives up what is under way, and ends the thread.
  func stop() {
    isStopping.store(true, ordering: .relaxed)
    doorbell.close()
    if let ending = thread.withLock({ $0.take() }) { pthread_join(ending, nil) }
  }

  private func run() {
    var nothing: [Never] = []
    while doorbell.moveAll(to: &nothing, waitingAtMost: Self.pollMilliseconds) {
      guard let request = SwapRequest.take(in: generations.path) else { continue }
      let desk = SwapAnswers(to: request, in: generations.path)
      do throws(StoreFailure) {
        desk.answer(.swapped(try swap(to: request.number, desk)))
      } catch {
        desk.answer(.refused(error.description))
      }
    }
  }

  private func swap(to number: UInt64, _ desk: SwapAnswers) throws(StoreFailure) -> SwapReport {
    let candidate = try SwapCandidate(
      number, in: generations,
      stopping: { [unowned self] in isStopping.load(ordering: .relaxed) },
      progress: { desk.report($0, of: $1) })
    for _ in 0..<Self.maximumPassCount where try candidate.lag() > Self.maximumTail {
      try candidate.catchUp()
    }
    guard try candidate.lag() <= Self.maximumLateTail else {
      throw .generation(.tooFarBehind(number))
    }
    let pointer = LivePointer(live: number, previous: generations.pointer?.live)
    let path = generations.path
    try pointer.prepare(in: path)
    let takeover = Takeover(candidate.folder) { () throws(StoreFailure) in
      try pointer.takeEffect(in: path)
    }
    takeovers.put(takeover)
    let (predecessor, pause) = try outcome(of: takeover)
    leave(predecessor)
    try Files.syncDirectory(holding: LivePointer.path(in: path))
    return SwapReport(
      number: number, previous: pointer.previous, position: predecessor.state.position,
      pauseMicroseconds: pause)
  }

  /// Has the generation that was live know which history it belongs to, for a rollback. Where that does not
  /// work out the rollback is refused, and says why.
  private func leave(_ predecessor: Folder) {
    do throws(ProjectionFailure) {
      try predecessor.finishStoring()
      try predecessor.generation.noteAnchor(generations.log.rootSource)
    } catch {}
  }

  private func outcome(
    of takeover: Takeover
  ) throws(StoreFailure) -> (predecessor: Folder, pauseMicroseconds: Int64) {
    while true {
      switch takeover.waitForOutcome(milliseconds: Self.pollMilliseconds) {
      case .done(let predecessor, let pause): return (predecessor, pause)
      case .refused(let failure): throw failure
      case nil:
        // One that the committer has taken is carried out, however long that takes.
        if isStopping.load(ordering: .relaxed), takeovers.take() != nil {
          throw .generation(.stopping)
        }
      }
    }
  }
}
