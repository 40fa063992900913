import EventLoop

extension HTTPConnection {
  /// Answers a request by a body in pieces; nil when nobody is there to take one.
  func beginStream(_ sequence: UInt64, with head: HTTPResponse) -> StreamHandle? {
    guard stream.isOpen, let request = answers.request(awaiting: sequence) else { return nil }
    let hasBody = !request.isHead && head.mayHaveBody
    let reply = ReplyHandle(connection: id, sequence: sequence)
    let body = StreamedBody(
      head, isChunked: hasBody && !request.isOldVersion, handle: StreamHandle(reply))
    if hasBody, request.isOldVersion {
      // Only the end of the connection ends such a body: what the client sends behind it is in vain.
      body.isLast = true
      stopReading()
    }
    if !hasBody || context.isDraining { body.end(on: stream) }
    answers.open(body, for: sequence)
    sendDue()
    settle()
    return body.hasEnded ? nil : body.handle
  }

  /// Sends a piece, or keeps it until it is the answer's turn; false when there is no such stream.
  func write(_ piece: [UInt8], to sequence: UInt64) -> Bool {
    guard let body = answers.openBody(sequence) else { return false }
    let waiting = body.isFlowing ? pendingBytes(of: body) : answers.waitingPieceBytes
    if waiting > 0, waiting + piece.count > context.limits.streamPendingBytes {
      cutOff(.clientTooSlow)
      return false
    }
    body.append(piece, to: stream)
    return true
  }

  /// Ends the body properly and goes on with the answers behind it.
  func endStream(_ sequence: UInt64) {
    guard let body = answers.openBody(sequence) else { return }
    body.end(on: stream)
    sendDue()
    settle()
  }

  /// Breaks the body off, and the connection with it.
  func abortStream(_ sequence: UInt64) {
    guard let body = answers.openBody(sequence) else { return }
    body.abandon()
    cutOff(.connectionGone)
  }

  /// Has the handler told as soon as nothing of the body waits any more.
  func notifyWhenSent(_ sequence: UInt64) {
    guard let body = answers.openBody(sequence) else { return }
    body.notifiesWhenSent = true
    notifyIfSent()
  }

  func notifyIfSent() {
    guard stream.pendingOutput == 0, let (_, body) = answers.firstStreamed,
      body.notifiesWhenSent
    else { return }
    body.notifiesWhenSent = false
    context.notices.add(.sent(body.handle))
  }

  /// Bytes of the body that the client has yet to be sent.
  func pendingBytes(_ sequence: UInt64) -> Int {
    answers.openBody(sequence).map(pendingBytes(of:)) ?? 0
  }

  private func pendingBytes(of body: StreamedBody) -> Int {
    // What was written last leaves last: the rest is of earlier answers, or the head.
    body.isFlowing ? min(stream.pendingOutput, body.sendingBytes) : body.waiting.count
  }
}

extension HTTPConnection {
  /// Sends what there is of the first answer, if it is a stream; true when that was all.
  func sendStreamed() -> Bool {
    guard let (request, body) = answers.firstStreamed else { return false }
    if let head = body.takeHead() { begin(body, head, to: request) }
    guard body.hasEnded else { return false }
    answers.removeStreamed()
    stream.keepsOutputMemory = true
    if body.isLast { endAnswers() }
    return true
  }

  private func begin(_ body: StreamedBody, _ head: HTTPResponse, to request: AnswerQueue.Pending) {
    if isClosing && answers.count == 1 || head.closesConnection { body.isLast = true }
    // An event stream writes little and rests long.
    stream.keepsOutputMemory = false
    stream.write { output in
      context.writer.appendHead(head, to: request, closes: body.isLast, into: &output)
      output.append(contentsOf: body.takeWaiting())
    }
  }

  /// Ends every stream properly, because no more is to come from this server.
  func endBodies() {
    let open = answers.openBodies
    guard !open.isEmpty else { return }
    for body in open {
      body.end(on: stream)
      context.notices.add(.closed(body.handle, .draining))
    }
    deadlines.hurryOutput()
    sendDue()
  }

  /// Gives every stream up.
  func closeBodies(_ reason: StreamClosure) {
    for body in answers.openBodies {
      body.abandon()
      context.notices.add(.closed(body.handle, reason))
    }
  }
}
