import EventLoop

extension HTTPConnection {
  /// Whether to go on reading: a request that has begun, or else another one.
  var mayRead: Bool {
    !isClosing && (reader.isInBody || hasRoom)
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
    defer { isReadingRequests = false }
    do throws(Refusal) {
      while mayRead, try readStep(bytes, &position) {}
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
      try reader.acceptBody(limit: bodyLimit)
      owesContinue = head.expectsContinue
    case .answer(let response):
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
    if let response = context.handler.handle(request, reply) { answer(sequence, with: response) }
  }

  /// Whether no request may follow the one that is being read.
  private func isLast(_ keepsAlive: Bool) -> Bool {
    !keepsAlive || context.isDraining
  }
}
