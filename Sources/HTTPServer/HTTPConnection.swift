import EventLoop

/// One client: reads its requests, asks the handler, and sends the answers in order.
///
/// Its life: it reads requests until one of them is to be the last (`isClosing`), answers what it has
/// read, tells the client that no more will come, and lingers until the client has closed too.
final class HTTPConnection {
  let id: ConnectionID
  let stream: ByteStream
  unowned let server: HTTPServer

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

  /// A request on its way in.
  struct Current {
    let sequence: UInt64
    let keepsAlive: Bool
  }

  init(
    _ socket: consuming Socket, id: ConnectionID, server: HTTPServer
  ) throws(EventLoopFailure) {
    self.id = id
    self.server = server
    reader = RequestReader(limits: server.limits, parser: server.parser)
    deadlines = Deadlines(limits: server.limits)
    stream = try ByteStream(socket, on: server.loop)
    stream.owner = self
    settle()
  }
}

extension HTTPConnection: ByteStreamOwner {
  func received(_ bytes: Span<UInt8>) {
    if isClosing { return }
    read(bytes)
    settle()
  }

  func inputEnded() {
    hasInputEnded = true
    settle()
  }

  func outputAdvanced() {
    if !unread.isEmpty, mayRead { readAgain() }
    settle()
  }

  func streamBroke() {
    server.forget(self)
  }
}

extension HTTPConnection {
  /// Nothing of a request has come that has not been answered.
  var isIdle: Bool {
    answers.isEmpty && unread.isEmpty && !reader.isInBody && stream.pendingOutput == 0
  }

  /// Reads no more requests and answers what has been read.
  func stopReading() {
    isClosing = true
    unread = []
  }

  /// Closes now or, when something is under way, as soon as it is answered.
  func drain() {
    if isIdle { return drop() }
    if unread.isEmpty, !reader.isInBody { stopReading() }
  }

  /// Closes without another word, and without regard to what is under way.
  func drop() {
    stream.close()
    server.forget(self)
  }

  /// Brings everything that follows from the present state about: what is read, when the connection
  /// ends, and what it waits for. Called after every event.
  func settle() {
    guard stream.isOpen else { return }
    if hasInputEnded, mayRead { acceptEnd() }
    if isClosing, answers.isEmpty { stream.endOutput() }
    if stream.hasEndedOutput, hasInputEnded { return drop() }
    if !hasInputEnded, mayRead || stream.hasEndedOutput {
      stream.resumeReading()
    } else {
      stream.pauseReading()
    }
    renewDeadlines()
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
