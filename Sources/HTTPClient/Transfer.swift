internal import CCurl
internal import EventLoop

/// One request under way: what has arrived and has not been told yet, its time limits, whom to tell.
///
/// libcurl's callbacks only put down here what came. It is told after libcurl has returned, so that
/// whoever is told may send, cancel, or let go of the client.
final class Transfer {
  /// libcurl's handle, until the request has ended.
  private(set) var easy: EasyHandle?

  private weak var client: HTTPClient?
  private let limits: HTTPClientLimits
  private var onEvent: ((ResponseEvent) -> Void)?
  private var timers: [LoopTimer] = []

  private var headReader = ResponseHeadReader()
  private var headBytes = 0
  private var bodyBytes = 0
  private var head: ResponseHeadReader.Head?
  private var body: [UInt8] = []
  private var outcome: ResponseEvent?
  /// Why no more is taken.
  private var refusal: HTTPClientFailure?
  /// Where it may go; nil: anywhere.
  let destination: Destination?
  /// Whether the request has gone out, or begun to: from then on the server may have served it.
  private(set) var isSent = false
  private var hasOpened = false
  private var isForbidden = false

  /// The rules, and what the request calls its server.
  struct Destination {
    let rules: Destinations
    let host: String
  }

  private var lastProgress = ContinuousClock.now
  private var sentBodyBytes: Int64 = 0

  init(
    _ easy: EasyHandle, of client: HTTPClient, to destination: Destination?,
    _ limits: HTTPClientLimits, _ onEvent: @escaping (ResponseEvent) -> Void
  ) throws(HTTPClientFailure) {
    self.easy = easy
    self.client = client
    self.limits = limits
    self.destination = destination
    self.onEvent = onEvent
    try receive(from: easy)
    try setGates(of: easy)
  }

  /// Starts to count the time.
  func startTimers(on loop: EventLoop) throws(EventLoopFailure) {
    timers = [
      try loop.schedule(after: limits.wholeMilliseconds) { [weak self] in self?.giveUp(.whole) }
    ]
    try watchSilence(on: loop, milliseconds: limits.silenceMilliseconds)
  }

  /// Ends without another word.
  func cancel() {
    fallSilent()
    client?.drop(self)
  }

  func noteSent() { isSent = true }
  func noteOpened() { hasOpened = true }
  func noteForbidden() { isForbidden = true }
  func refuseConnection() { refusal = .forbiddenAddress }

  /// Tells nothing from now on.
  func fallSilent() {
    onEvent = nil
  }

  /// Lets go of libcurl's handle, which has left its multi handle, and of the timers.
  func release() {
    for timer in timers { timer.cancel() }
    timers = []
    easy = nil
  }

  /// Settles how it ended. What this side refused to take looks like a failed write to libcurl.
  func end(_ failure: HTTPClientFailure?) {
    guard outcome == nil else { return }
    // Where one of several addresses was tried, it is that one's failure which counts.
    if isForbidden, !hasOpened { refusal = .forbiddenAddress }
    if let failure = failure.map({ refusal ?? $0 }) {
      outcome = .failed(failure)
    } else {
      // libcurl is content with half a head.
      outcome = headReader.isComplete ? .end : .failed(.brokenOff)
    }
    client?.note(self)
  }

  /// Tells what has come since the last time. Whoever is told may cancel in between.
  func tell() {
    if let head = head.take() { onEvent?(.head(status: head.status, headers: head.headers)) }
    if !body.isEmpty {
      let part = body
      body = []
      onEvent?(.body(part))
    }
    guard let outcome = outcome.take(), let onEvent = onEvent.take() else { return }
    onEvent(outcome)
  }
}

extension Transfer {
  private func giveUp(_ wait: HTTPClientFailure.Wait) {
    client?.fail(self, .timedOut(wait))
  }

  /// Looks again when silence would have lasted too long, had it begun at the last byte.
  private func watchSilence(
    on loop: EventLoop, milliseconds: Int
  ) throws(EventLoopFailure) {
    let timer = try loop.schedule(after: milliseconds) { [weak self, unowned loop] in
      self?.checkSilence(on: loop)
    }
    timers = timers.prefix(1) + [timer]
  }

  private func checkSilence(on loop: EventLoop) {
    if let sent = easy?.sentBodyBytes, sent > sentBodyBytes {
      sentBodyBytes = sent
      lastProgress = .now
    }
    let rest =
      Duration.milliseconds(limits.silenceMilliseconds) - (ContinuousClock.now - lastProgress)
    guard rest > .zero else { return giveUp(.silence) }
    do throws(EventLoopFailure) {
      try watchSilence(on: loop, milliseconds: Int(rest / .milliseconds(1)) + 1)
    } catch {
      client?.fail(self, .loop(error))
    }
  }
}

extension Transfer {
  private func receive(from easy: EasyHandle) throws(HTTPClientFailure) {
    unsafe try easy.setReceiver(
      function: CURLOPT_HEADERFUNCTION, data: CURLOPT_HEADERDATA, context: self
    ) { start, size, count, context in
      unsafe Transfer.lend(start, size * count, context) { unsafe $0.take(headLine: $1) }
    }
    unsafe try easy.setReceiver(
      function: CURLOPT_WRITEFUNCTION, data: CURLOPT_WRITEDATA, context: self
    ) { start, size, count, context in
      unsafe Transfer.lend(start, size * count, context) { unsafe $0.take(body: $1) }
    }
  }

  /// Answers libcurl how many bytes were taken; any other number than it gave ends the transfer.
  private static func lend(
    _ start: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
    _ take: (Transfer, UnsafeRawBufferPointer) -> HTTPClientFailure?
  ) -> Int {
    guard count > 0, let context = unsafe context else { return count }
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    let bytes = unsafe UnsafeRawBufferPointer(start: start, count: count)
    transfer.refusal = unsafe take(transfer, bytes)
    guard transfer.refusal == nil else { return 0 }
    transfer.lastProgress = .now
    return count
  }

  private func take(headLine bytes: UnsafeRawBufferPointer) -> HTTPClientFailure? {
    headBytes += bytes.count
    guard headBytes <= limits.headBytes else { return .headTooLarge }
    if let head = unsafe headReader.take([UInt8](bytes)) {
      self.head = head
      client?.note(self)
    }
    return nil
  }

  private func take(body bytes: UnsafeRawBufferPointer) -> HTTPClientFailure? {
    bodyBytes += bytes.count
    guard bodyBytes <= limits.bodyBytes else { return .bodyTooLarge }
    if body.isEmpty { client?.note(self) }
    unsafe body.append(contentsOf: bytes)
    return nil
  }
}
