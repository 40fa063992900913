import EventLoop

extension HTTPConnection {
  /// Whether to go on reading: a request that has begun, or else another one.
  var mayRead: Bool {
    !isClosing && !isWaitingForTurn && (reader.isInBody || hasRoom)
  }

  /// Whether the client may ask for more: not while it has much to wait for, or to take.
  private var hasRoom: Bool {
    answers.count < context.limits.pipelinedRequests
      && answers.heldBytes <= context.limits.pipelinedBytes
      && stream.pendingOutput + answers.waitingBytes <= context.limits.pendingOutputBytes
  }

  /// Reads what has arrived, behind what was left from before.
  func read(_ bytes: Span<UInt8>) {
    if unread.isEmpty {
      let position = readRequests(bytes)
      if !isClosing, position < bytes.count {
        unread.append(bytes, from: position, to: bytes.count)
      }
    } else {
      unread.append(bytes, from: 0, to: bytes.count)
      readAgain()
    }
  }

  /// Whether more may come while what has come waits for its turn. Mostly there is no more to come, and
  /// ending and renewing an interest in the socket costs system calls.
  var mayKeep: Bool {
    isWaitingForTurn && !isResting && !isClosing && unread.count < Self.keptByteCount
  }

  private static let keptByteCount = 65_536

  /// Keeps what has come until it is its turn.
  func postpone(_ bytes: Span<UInt8>) {
    unread.append(bytes, from: 0, to: bytes.count)
    waitForTurn()
  }

  /// Reads what was left from before, now or when it is its turn.
  func goOnReading() {
    if context.shares.begin(in: lane) { readAgain() } else { waitForTurn() }
  }

  private func waitForTurn() {
    guard !isWaitingForTurn else { return }
    isWaitingForTurn = true
    context.shares.wait(self, in: lane)
  }

  /// Reads what was left from before.
  func readAgain() {
    var input: [UInt8] = []
    swap(&input, &unread)
    let position = readRequests(input.span)
    if isClosing || position == input.count { return }
    input.removeFirst(position)
    unread = input
  }

  /// Reads as many requests as are there and as may be read; returns where it stopped.
  private func readRequests(_ bytes: Span<UInt8>) -> Int {
    var position = 0
    isReadingRequests = true
    defer {
      isReadingRequests = false
      if reader.heldBytes >= BodyPace.largeByteCount { context.pace.note(position, of: self) }
    }
    do throws(Refusal) {
      while mayRead, try readStep(bytes, &position) {
        // More than a slice of requests may have come at once.
        if position < bytes.count, !reader.isInBody, context.shares.isSliceOver { waitForTurn() }
      }
    } catch {
      refuse(error)
    }
    return position
  }

  /// False when more bytes are needed.
  private func readStep(_ bytes: Span<UInt8>, _ position: inout Int) throws(Refusal) -> Bool {
    switch try reader.next(bytes, &position) {
    case .needsMore:
      payContinue()
      return false
    case .head(let head): try begin(head)
    case .request(let request): finish(request)
    case .skipped: current = nil
    }
    return true
  }

  private func begin(_ head: RequestHead) throws(Refusal) {
    let sequence = answers.add(
      AnswerQueue.Pending(
        isHead: head.request.method == .head, isOldVersion: head.minorVersion == 0))
    current = Current(sequence: sequence, keepsAlive: head.keepsAlive)
    switch context.handler.decide(onHead: head.request) {
    case .accept(let bodyLimit):
      // A body that is long enough to be asked for is its sender's from the beginning.
      if context.handler.latestParty != 0 { noteParty() }
      try reader.acceptBody(limit: bodyLimit)
      owesContinue = head.expectsContinue
    case .answer(let response):
      noteParty()
      // A client that waits for our word may or may not send the body now: nobody can tell.
      if head.expectsContinue || isLast(head.keepsAlive) { stopReading() }
      answer(sequence, with: response)
      try reader.skipBody()
    }
  }

  private func finish(_ request: HTTPRequest) {
    guard let current else { return }
    let sequence = current.sequence
    self.current = nil
    owesContinue = false
    answers.holdBody(request.body.count, for: sequence)
    if isLast(current.keepsAlive) { stopReading() }
    let reply = ReplyHandle(connection: id, sequence: sequence)
    let response = context.handler.handle(request, reply)
    noteParty()
    if let response { answer(sequence, with: response) }
  }

  private func noteParty() {
    lane = TurnShares.Lane(number: context.handler.latestParty)
  }

  /// Whether no request may follow the one that is being read.
  private func isLast(_ keepsAlive: Bool) -> Bool {
    !keepsAlive || context.isDraining
  }
}
