/// Waits for sockets, timers, signals and wake-ups, and runs what was registered for them.
///
/// One loop belongs to one thread: everything here but ``Waker/wake()`` is called on the thread that
/// runs it (or before it runs). Callbacks must not block: nothing else happens meanwhile. The loop
/// keeps them, so one that mentions the loop, or what keeps it, should capture it unowned.
public final class EventLoop {
  /// Called after the callbacks of each turn, before the loop sleeps.
  ///
  /// The place to hand over in one batch what the callbacks have gathered. It is called again when
  /// sending brought more work, so it should cost little when there is nothing to hand over.
  public var onTurnEnd: (() -> Void)?

  /// How its time is shared among connections.
  public let shares: TurnShares

  let base: EventBase
  let readBuffer = ReadBuffer()
  private let timers = TimerKeeper()
  private var wakes: [WakeWatch] = []
  private var signals: [SignalWatch] = []
  private var unflushed: [ByteStream] = []
  private var postponed: [() -> Void] = []
  private var isStopping = false

  /// The clock is what its time is shared by.
  public init(clock: TurnClock = TurnClock()) throws(EventLoopFailure) {
    base = try EventBase(clock)
    shares = TurnShares(clock)
  }

  deinit { timers.releaseAll() }

  /// Runs on the calling thread until ``stop()``, which ends it even when it came first.
  public func run() {
    endTurn()
    while !isStopping {
      base.runOneTurn(waits: !shares.isAwaited)
      shares.serve()
      endTurn()
      shares.endTurn()
      base.clock.end()
    }
    isStopping = false
  }

  /// Nanoseconds of the longest turn so far: what somebody may have waited for others.
  public var longestTurnNanoseconds: UInt64 { base.clock.longest }

  /// Measures the longest turn anew.
  public func forgetLongestTurn() { base.clock.forget() }

  /// Ends ``run()`` after the present turn. Called on the loop's thread.
  public func stop() {
    isStopping = true
  }

  /// Runs `body` when the present callback has returned: what must not happen inside of it.
  ///
  /// Outside of a callback it waits for the next turn.
  public func runAfterCallback(_ body: @escaping () -> Void) {
    postponed.append(body)
  }

  /// Makes something by which any thread can have `onWake` run here.
  public func makeWaker(_ onWake: @escaping () -> Void) throws(EventLoopFailure) -> Waker {
    let signal = try WakeSignal()
    wakes.append(try WakeWatch(signal, on: base, onWake))
    return Waker(signal)
  }

  /// Runs `body` again and again, the first time after `milliseconds`, until the timer is cancelled.
  @discardableResult
  public func schedule(
    every milliseconds: Int, _ body: @escaping () -> Void
  ) throws(EventLoopFailure) -> LoopTimer {
    try LoopTimer(timers, on: base, milliseconds: milliseconds, repeats: true, body)
  }

  /// Runs `body` once, `milliseconds` from now, unless the timer is cancelled first.
  @discardableResult
  public func schedule(
    after milliseconds: Int, _ body: @escaping () -> Void
  ) throws(EventLoopFailure) -> LoopTimer {
    try LoopTimer(timers, on: base, milliseconds: milliseconds, repeats: false, body)
  }

  /// Runs `body` on the loop whenever the process gets the signal.
  ///
  /// Signals belong to the process: only one of its loops may ask for them.
  public func onSignal(
    _ number: Int32, _ body: @escaping () -> Void
  ) throws(EventLoopFailure) {
    signals.append(try SignalWatch(number, on: base, body))
  }
}

extension EventLoop {
  /// Has the stream send what it holds at the end of this turn, all of it in one call.
  func flushLater(_ stream: ByteStream) {
    unflushed.append(stream)
  }

  /// Hands over, sends, and hands over again what sending set free, until nothing is left to do.
  private func endTurn() {
    runPostponed()
    onTurnEnd?()
    while !unflushed.isEmpty || !postponed.isEmpty {
      let streams = unflushed
      unflushed.removeAll(keepingCapacity: true)
      for stream in streams { stream.flush() }
      runPostponed()
      onTurnEnd?()
    }
  }

  private func runPostponed() {
    while !postponed.isEmpty {
      let bodies = postponed
      postponed = []
      for body in bodies { body() }
    }
  }
}
