internal import QuotaModel

/// How far a webhook has come, and what it does next. It looks at no clock and does nothing itself.
struct DeliveryProgress {
  /// What to do next.
  enum Step: Hashable {
    case rest
    /// Look for events behind this position.
    case search(after: Position)
    case send(Event)
  }

  /// Everything up to here was taken by the receiver or is of no interest to it.
  private(set) var position: Position
  /// Attempts in a row that failed.
  private(set) var failureCount = 0
  private(set) var lastError: String?
  private(set) var lastAttemptAt: Moment?
  /// The receiver wants nothing more until the service starts again.
  private(set) var isGone = false
  private(set) var isSending = false
  /// Where the last event that was taken lies.
  private(set) var lastTaken: Position?
  /// Found and not yet taken, the next one last.
  private var found: [Event] = []
  /// Everything up to here has been looked at.
  private var searched: Position
  private var restsUntil: ContinuousClock.Instant?

  init(behind position: Position) {
    self.position = position
    searched = position
  }

  func step(head: Position, at now: ContinuousClock.Instant) -> Step {
    if rests(at: now) { return .rest }
    if let event = found.last { return .send(event) }
    return searched < head ? .search(after: searched) : .rest
  }

  /// Whether nothing is to be done, whatever the log holds.
  func rests(at now: ContinuousClock.Instant) -> Bool {
    isGone || isSending || restsUntil.map { now < $0 } ?? false
  }

  /// Takes in what a search has found up to `end`, where the next one begins.
  mutating func take(_ events: [Event], upTo end: Position) {
    found = events.reversed()
    searched = end
    if found.isEmpty { position = searched }
    // With nothing to send, only searches can have failed.
    forgetFailures()
  }

  mutating func beginAttempt(at moment: Moment) {
    isSending = true
    lastAttemptAt = moment
  }

  mutating func end(
    _ outcome: DeliveryOutcome, at now: ContinuousClock.Instant, random: UInt64
  ) {
    isSending = false
    switch outcome {
    case .taken: endTaken()
    case .gone:
      isGone = true
      failureCount += 1
      lastError = "The receiver answered 410: it gets nothing until the service starts again."
    case .failed(let text, let askedSeconds):
      failureCount += 1
      lastError = text
      let wait = Backoff.milliseconds(
        afterFailures: failureCount, askedSeconds: askedSeconds, random: random)
      restsUntil = now + .milliseconds(wait)
    }
  }

  private mutating func forgetFailures() {
    failureCount = 0
    lastError = nil
    restsUntil = nil
  }

  private mutating func endTaken() {
    forgetFailures()
    guard let event = found.popLast() else { return }
    lastTaken = event.position
    // Behind the last of a page nothing of interest comes up to where the search has ended.
    position = found.isEmpty ? searched : event.position
  }
}
