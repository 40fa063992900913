public import EventLoop
internal import JSON

extension RPCConnection {
  /// Reads what has come, now or when it is its turn.
  func goOnReading() {
    guard !isWaiting else { return }
    if loop.shares.begin(in: lane) { readFrames() } else { waitForTurn() }
  }

  private func waitForTurn() {
    isWaiting = true
    loop.shares.wait(self, in: lane)
  }

  private func readFrames() {
    guard !isReadingFrames else { return }
    isReadingFrames = true
    defer { isReadingFrames = false }
    do throws(FrameFault) {
      while ending == nil, mayRead(), let body = try reader.next() {
        if body.count > limits.smallBodyBytes, let readApart {
          read(body, readApart)
        } else {
          take(RPCMessage(body, parser: parser))
        }
        // More than a slice of frames may have come at once.
        if !isWaiting, reader.hasUnread, loop.shares.isSliceOver { waitForTurn() }
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
    return !isHeldBack && !isWaiting
  }

  /// Reads a long body on another thread, with a parser whose memory goes back with it.
  private func read(_ body: [UInt8], _ readApart: ReadingApart) {
    isWaiting = true
    let read: @Sendable () -> RPCMessage = {
      RPCMessage(body, parser: RPCMessage.makeParser())
    }
    readApart(read) { [weak self] in self?.takeLong($0) }
  }

  private func takeLong(_ message: RPCMessage) {
    isWaiting = false
    guard ending == nil else { return }
    take(message)
    goOnReading()
    settle()
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

extension RPCConnection: TurnTaker {
  public func takeTurn() {
    isWaiting = false
    readFrames()
    settle()
  }
}
