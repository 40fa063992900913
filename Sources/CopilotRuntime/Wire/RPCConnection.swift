public import EventLoop
public import JSON

/// One client: its frames become requests for the delegate, and what the delegate says becomes frames.
///
/// A client that does not read is first not read from either, and closed once more waits for it than
/// ``RPCLimits/maximumOutputBytes``; others notice nothing of it.
public final class RPCConnection {
  public typealias Completion = (RPCOutcome) -> Void

  public unowned var delegate: (any RPCConnectionDelegate)?

  let stream: ByteStream
  let limits: RPCLimits
  private let loop: EventLoop
  private let parser: JSONParser

  var reader: FrameReader
  /// Requests of the client without an answer yet.
  var open: [UInt64: RPCRequest.Key] = [:]
  private var lastRequest: UInt64 = 0
  /// Requests of ours without an answer yet.
  var outstanding: [RPCRequestNumber: Completion] = [:]
  private var lastNumber: Int64 = 0

  private var isReadingFrames = false
  private var isSending = false
  private var isHeldBack = false
  private var hasInputEnded = false
  /// Why no further frame is read; the connection closes as soon as everything is sent.
  private var ending: RPCClosing?
  private var closing: RPCClosing?

  /// Takes over a connected socket.
  ///
  /// The loop's connections may share a parser, of ``RPCMessage/makeParser()``. `isTCP` is for sockets whose kernel delays
  /// acknowledgements: see ``ByteStream/acknowledgesAtOnce``.
  public init(
    _ socket: consuming Socket, on loop: EventLoop, isTCP: Bool, parser: JSONParser,
    limits: RPCLimits = RPCLimits()
  ) throws(EventLoopFailure) {
    stream = try ByteStream(socket, on: loop)
    self.loop = loop
    self.parser = parser
    self.limits = limits
    reader = FrameReader(maximumBodyBytes: limits.maximumBodyBytes)
    stream.acknowledgesAtOnce = isTCP
    stream.owner = self
  }

  deinit {
    stream.close()
    loseOutstanding()
  }

  /// Whether anything that is sent may still arrive.
  public var isOpen: Bool { closing == nil }

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

// MARK: - The stream

extension RPCConnection: ByteStreamOwner {
  public func received(_ bytes: Span<UInt8>) {
    guard ending == nil else { return }
    reader.feed(bytes)
    readFrames()
    settle()
  }

  public func inputEnded() {
    hasInputEnded = true
    settle()
  }

  public func outputAdvanced() {
    guard isOpen else { return }
    // Whoever sends just now must not be called meanwhile.
    guard !isSending else { return loop.runAfterCallback { [weak self] in self?.outputAdvanced() } }
    if isHeldBack, stream.pendingOutput <= limits.heldBackOutputBytes / 2 {
      isHeldBack = false
      readFrames()
    }
    settle()
  }

  public func streamBroke() {
    close(because: hasInputEnded && open.isEmpty ? .clientLeft : .lost)
  }

  /// Brings about what follows from the present state. Called after every event.
  private func settle() {
    guard isOpen, !isReadingFrames else { return }
    if hasInputEnded, ending == nil, !isHeldBack { acceptEndOfInput() }
    if ending == nil, !hasInputEnded, !isHeldBack {
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
  private func end(because reason: RPCClosing) {
    guard ending == nil else { return }
    ending = reason
    reader = FrameReader()
    loseOutstanding()
  }

  private func close(because reason: RPCClosing) {
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

// MARK: - Reading

extension RPCConnection {
  private func readFrames() {
    guard !isReadingFrames else { return }
    isReadingFrames = true
    defer { isReadingFrames = false }
    do throws(FrameFault) {
      while ending == nil, mayRead(), let body = try reader.next() {
        take(RPCMessage(body, parser: parser))
      }
    } catch {
      // What has been asked before goes unanswered: the client cannot be relied on any more.
      open = [:]
      end(because: .badFraming(error))
    }
  }

  /// Whether so little waits for the client that another frame of it may be read.
  private func mayRead() -> Bool {
    isHeldBack = isHeldBack || stream.pendingOutput > limits.heldBackOutputBytes
    return !isHeldBack
  }

  private func take(_ message: RPCMessage) {
    switch message {
    case .request(let id, let call): take(id, call)
    case .notification(let call) where call.method == "$/cancelRequest": cancel(call)
    case .notification(let call): delegate?.connection(self, received: call)
    case .response(let number?, let outcome): outstanding.removeValue(forKey: number)?(outcome)
    case .response(nil, _): break
    case .invalid(let id, let error): send(RPCBody.error(id, error))
    }
  }

  private func take(_ id: RPCID, _ call: RPCCall) {
    guard open.count < limits.maximumOpenRequests else {
      let refusal = RPCError.failed(method: call.method, text: "too many requests are under way")
      return send(RPCBody.error(id, refusal))
    }
    lastRequest += 1
    let key = RPCRequest.Key(number: lastRequest, id: id)
    open[lastRequest] = key
    delegate?.connection(self, received: RPCRequest(key: key, call: call))
  }

  /// The work goes on where it has effects; only nobody waits for it (contract, 4.4).
  private func cancel(_ call: RPCCall) {
    guard let id = call.params?["id"].flatMap(RPCID.init) else { return }
    for key in open.values where key.id == id {
      answer(key, .cancelled)
      delegate?.connection(self, cancelled: key)
    }
  }
}

// MARK: - Writing

extension RPCConnection {
  /// Answers a request with a result, which is JSON; false when it has been answered before.
  @discardableResult
  public func answer(_ key: RPCRequest.Key, result: [UInt8]) -> Bool {
    guard open.removeValue(forKey: key.number) != nil else { return false }
    send(RPCBody.result(key.id, result))
    return true
  }

  /// Answers a request with an error; false when it has been answered before.
  @discardableResult
  public func answer(_ key: RPCRequest.Key, _ error: RPCError) -> Bool {
    guard open.removeValue(forKey: key.number) != nil else { return false }
    send(RPCBody.error(key.id, error))
    return true
  }

  /// Whether the request waits for its answer.
  public func awaitsAnswer(_ key: RPCRequest.Key) -> Bool { open[key.number] != nil }

  /// Sends a notification; `params` is JSON.
  public func notify(_ method: StaticString, _ params: [UInt8]) {
    guard isOpen else { return }
    send(RPCBody.notification(method, params))
  }

  /// Asks the client something; `params` is JSON. `completion` is called exactly once, and not before
  /// this returns.
  @discardableResult
  public func request(
    _ method: StaticString, _ params: [UInt8], _ completion: @escaping Completion
  ) -> RPCRequestNumber {
    lastNumber += 1
    let number = RPCRequestNumber(rawValue: lastNumber)
    guard ending == nil else {
      loop.runAfterCallback { completion(.lost) }
      return number
    }
    outstanding[number] = completion
    send(RPCBody.request(number, method, params))
    return number
  }

  /// Sends a body that ``RPCBody`` has made, perhaps for many connections.
  public func send(_ body: [UInt8]) {
    guard isOpen else { return }
    if stream.pendingOutput > limits.maximumOutputBytes { sendNow() }
    guard stream.pendingOutput <= limits.maximumOutputBytes else {
      return close(because: .clientTooSlow)
    }
    stream.write { FrameWriter.append(body, to: &$0) }
    if open.isEmpty, ending != nil { loop.runAfterCallback { [weak self] in self?.settle() } }
  }

  /// Much may have gathered in one turn without any fault of the client.
  private func sendNow() {
    isSending = true
    stream.flushNow()
    isSending = false
  }
}
