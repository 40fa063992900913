public import EventLoop
public import JSON

/// One client: its frames become requests for the delegate, and what the delegate says becomes frames.
///
/// A client that does not read is first not read from either, and closed once more waits for it than
/// ``RPCLimits/maximumOutputBytes``; others notice nothing of it.
public final class RPCConnection {
  public typealias Completion = (RPCOutcome) -> Void
  public typealias ReadingApart = (
    _ read: @escaping @Sendable () -> RPCMessage, _ complete: @escaping (RPCMessage) -> Void
  ) -> Void

  public unowned var delegate: (any RPCConnectionDelegate)?

  let stream: ByteStream
  let limits: RPCLimits
  let loop: EventLoop
  let parser: JSONParser

  var reader: FrameReader
  /// Requests of the client without an answer yet.
  var open: [UInt64: RPCRequest.Key] = [:]
  var lastRequest: UInt64 = 0
  /// Requests of ours without an answer yet.
  var outstanding: [RPCRequestNumber: Completion] = [:]
  var lastNumber: Int64 = 0

  var isReadingFrames = false
  var isSending = false
  var isHeldBack = false
  /// A long frame is being read, or what has come waits for its turn; no other frame is taken meanwhile.
  var isWaiting = false
  /// Whom the client works for.
  public var lane = TurnShares.Lane.unknown
  /// Has a long body read on another thread; without it that is done at once.
  public var readApart: ReadingApart?
  private var hasInputEnded = false
  /// Why no further frame is read; the connection closes as soon as everything is sent.
  var ending: RPCClosing?
  private var closing: RPCClosing?

  /// Takes over a connected socket.
  ///
  /// The loop's connections may share a parser, of ``RPCMessage/makeParser()``. `isTCP` is for sockets
  /// whose kernel delays acknowledgements: see ``ByteStream/acknowledgesAtOnce``.
  public init(
    _ socket: consuming Socket, on loop: EventLoop, isTCP: Bool, parser: JSONParser,
    limits: RPCLimits = RPCLimits()
  ) throws(EventLoopFailure) {
    stream = try ByteStream(socket, on: loop)
    self.loop = loop
    self.parser = parser
    self.limits = limits
    reader = FrameReader(maximumBodyBytes: limits.maximumStrangerBodyBytes)
    stream.acknowledgesAtOnce = isTCP
    stream.owner = self
  }

  deinit {
    stream.close()
    loseOutstanding()
  }

  /// Whether anything that is sent may still arrive.
  public var isOpen: Bool { closing == nil }

  /// Takes long frames from now on: the client has shown who it is.
  public func admit() { reader.maximumBodyBytes = limits.maximumBodyBytes }

  /// Bytes that wait for the client to read.
  public var pendingOutput: Int { stream.pendingOutput }

  /// Reads no more, and closes when what is under way has been answered and sent.
  public func finish() {
    end(because: .finished)
    settle()
  }

  /// Closes at once, whatever waits.
  public func abort() { close(because: .finished) }
}

extension RPCConnection: ByteStreamOwner {
  public func received(_ bytes: Span<UInt8>) {
    guard ending == nil else { return }
    reader.feed(bytes)
    goOnReading()
    settle()
  }

  public func inputEnded() {
    hasInputEnded = true
    settle()
  }

  public func outputMayLeave() -> Bool { delegate?.connectionMayBeTold(self) ?? true }

  public func outputAdvanced() {
    guard isOpen else { return }
    // Whoever sends just now must not be called meanwhile.
    guard !isSending else { return loop.runAfterCallback { [weak self] in self?.outputAdvanced() } }
    if isHeldBack, stream.pendingOutput <= limits.heldBackOutputBytes / 2 {
      isHeldBack = false
      goOnReading()
    }
    settle()
  }

  public func streamBroke() {
    close(because: hasInputEnded && open.isEmpty ? .clientLeft : .lost)
  }

  /// Brings about what follows from the present state. Called after every event.
  func settle() {
    guard isOpen, !isReadingFrames else { return }
    if hasInputEnded, ending == nil, !isHeldBack, !isWaiting { acceptEndOfInput() }
    if ending == nil, !hasInputEnded, !isHeldBack, !isWaiting {
      stream.resumeReading()
    } else {
      stream.pauseReading()
    }
    guard let ending, open.isEmpty else { return }
    stream.endOutput()
    if stream.hasEndedOutput { close(because: ending) }
  }

  private func acceptEndOfInput() {
    end(because: .clientLeft)
    loop.runAfterCallback { [weak self] in
      guard let self, isOpen else { return }
      delegate?.connectionInputEnded(self)
    }
  }

  /// From now on nothing is read, so that no request of ours will be answered.
  func end(because reason: RPCClosing) {
    guard ending == nil else { return }
    ending = reason
    reader = FrameReader()
    loseOutstanding()
  }

  func close(because reason: RPCClosing) {
    guard isOpen else { return }
    closing = reason
    ending = ending ?? reason
    open = [:]
    reader = FrameReader()
    if reason == .clientTooSlow || reason == .lost { stream.abort() } else { stream.close() }
    loseOutstanding()
    // Whoever sends to many connections must not have one of them taken away meanwhile.
    loop.runAfterCallback { [self] in
      delegate?.connection(self, closedBecause: reason)
      delegate = nil
    }
  }

  private func loseOutstanding() {
    let completions = outstanding.sorted { $0.key.rawValue < $1.key.rawValue }.map(\.value)
    outstanding = [:]
    guard !completions.isEmpty else { return }
    loop.runAfterCallback { for complete in completions { complete(.lost) } }
  }
}
