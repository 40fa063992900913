import EventLoop

/// One client: reads its requests, asks the handler, and sends the answers in order.
///
/// Its life: it reads requests until one of them is to be the last (`isClosing`), answers what it has
/// read, tells the client that no more will come, and lingers until the client has closed too.
final class HTTPConnection {
  let id: ConnectionID
  let stream: ByteStream
  let context: ConnectionContext
  private unowned let server: HTTPServer

  var reader: RequestReader
  var answers = AnswerQueue()
  var deadlines: Deadlines

  /// Bytes that have arrived and have not been read, because something is missing or has to wait.
  var unread: [UInt8] = []
  /// The request whose body is being read.
  var current: Current?
  /// The client waits for "100 Continue" before it sends the body of ``current``.
  var owesContinue = false
  /// No further request will be read.
  var isClosing = false
  /// The client has closed its side.
  var hasInputEnded = false
  /// Whom its latest request was for.
  var lane = TurnShares.Lane.unknown
  /// What has come waits for its turn; nothing is read meanwhile.
  var isWaitingForTurn = false
  /// It waits because the body that it sends has come fast enough.
  var isResting = false
  /// What is read is being handled, and ``settle()`` follows.
  var isReadingRequests = false
  /// This connection's part of what all of them hold.
  private var heldBytes = 0

  /// A request on its way in.
  struct Current {
    let sequence: UInt64
    let keepsAlive: Bool
  }

  init(_ stream: ByteStream, id: ConnectionID, _ context: ConnectionContext, server: HTTPServer) {
    self.id = id
    self.stream = stream
    self.context = context
    self.server = server
    reader = RequestReader(limits: context.limits, parser: context.parser)
    deadlines = Deadlines(limits: context.limits)
    stream.owner = self
    settle()
  }

  deinit { stream.close() }
}

extension HTTPConnection: ByteStreamOwner {
  func received(_ bytes: Span<UInt8>) {
    if isClosing { return }
    if !isWaitingForTurn, context.shares.begin(in: lane) { read(bytes) } else { postpone(bytes) }
    settle()
  }

  func inputEnded() {
    hasInputEnded = true
    settle()
  }

  func outputAdvanced() {
    notifyIfSent()
    if !unread.isEmpty, mayRead { goOnReading() }
    settle()
  }

  func streamBroke() {
    leave()
  }
}

extension HTTPConnection: TurnTaker {
  func takeTurn() {
    isWaitingForTurn = false
    isResting = false
    guard stream.isOpen else { return }
    if mayRead { readAgain() }
    settle()
  }
}

extension HTTPConnection {
  /// Nothing of a request has come that has not been answered.
  var isIdle: Bool {
    answers.isEmpty && unread.isEmpty && !reader.isInBody && stream.pendingOutput == 0
  }

  /// Whether a request has come that is not answered, or the body of one is on its way. The beginning of
  /// a head is none: whatever could be read of it has been.
  private var isInRequest: Bool { reader.isInBody || !unread.isEmpty && !mayRead }

  /// Reads no more requests and answers what has been read.
  func stopReading() {
    isClosing = true
    unread = []
  }

  /// Closes now or, when something is under way, as soon as it is answered.
  func drain() {
    endBodies()
    if isIdle { drop() } else { settle() }
  }

  /// Closes without another word, and without regard to what is under way.
  func drop() {
    stream.close()
    leave()
  }

  /// Resets the connection, so that no answer that is under way looks complete.
  func cutOff(_ reason: StreamClosure) {
    stream.abort()
    leave(reason)
  }

  private func leave(_ reason: StreamClosure = .connectionGone) {
    stopReading()
    closeBodies(reason)
    context.heldBytes -= heldBytes
    heldBytes = 0
    server.forget(self)
  }

  /// Brings everything that follows from the present state about: what is read, when the connection
  /// ends, and what it waits for. Called after every event.
  func settle() {
    guard stream.isOpen, !isReadingRequests else { return }
    if hasInputEnded, mayRead { acceptEnd() }
    countBytes()
    if context.isDraining, !isInRequest { stopReading() }
    if isClosing, answers.isEmpty { stream.endOutput() }
    if stream.hasEndedOutput, hasInputEnded { return drop() }
    if !hasInputEnded, mayRead || mayKeep || stream.hasEndedOutput {
      stream.resumeReading()
    } else {
      stream.pauseReading()
      if answers.hasOpenBody { stream.watchForReset() }
    }
    renewDeadlines()
  }

  /// Brings the common count up to date, and makes room again when this connection has passed it.
  private func countBytes() {
    let held = reader.heldBytes + answers.heldBytes
    context.heldBytes += held - heldBytes
    heldBytes = held
    guard context.heldBytes > context.limits.bodyBytesInTotal, reader.heldBytes > 0 else { return }
    refuse(.tooManyBytes)
    countBytes()
  }

  /// Whatever could be read has been: what is missing of a request will never come.
  private func acceptEnd() {
    if reader.isInBody || !unread.isEmpty {
      refuse(.malformed("its end is missing"))
    } else {
      stopReading()
    }
  }
}
