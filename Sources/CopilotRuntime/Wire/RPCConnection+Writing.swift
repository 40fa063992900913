internal import EventLoop

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

  /// Sends what has been written without waiting for the end of the turn: much may have gathered in one without
  /// any fault of the client, and whoever writes to many has to know what that costs.
  func sendNow() {
    isSending = true
    stream.flushNow()
    isSending = false
  }
}
