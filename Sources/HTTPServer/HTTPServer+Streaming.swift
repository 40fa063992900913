/// Answers whose bodies are sent while they are made. Everything here is called on the loop's thread.
extension HTTPServer {
  /// Answers a request by status and fields at once and by a body in pieces, as they are written.
  ///
  /// Nil when there is no body to be written: the connection is gone, the request has an answer, or it
  /// gets all of it now (to HEAD, with 204 and 304, and an empty one while the server drains). The
  /// answers to later requests of the connection wait for the end of the stream. HTTP/1.0 has the
  /// connection closed behind it.
  public func beginStream(
    _ reply: ReplyHandle, status: Int, headers: [(name: String, value: String)] = []
  ) -> StreamHandle? {
    connections[reply.connection]?.beginStream(
      reply.sequence, with: HTTPResponse(status: status, headers: headers))
  }

  /// Sends a piece at the end of the present turn; false when the stream is no longer open.
  ///
  /// False as well when it made too much wait for a client that does not read
  /// (``HTTPServerLimits/streamPendingBytes``), which is cut off by that.
  @discardableResult
  public func write(_ piece: [UInt8], to handle: StreamHandle) -> Bool {
    connections[handle.reply.connection]?.write(piece, to: handle.reply.sequence) ?? false
  }

  /// Ends a stream properly, behind what was written. Harmless when it is no longer open.
  public func end(_ handle: StreamHandle) {
    connections[handle.reply.connection]?.endStream(handle.reply.sequence)
  }

  /// Breaks a stream off by a reset: its client sees that something is missing. The handler is not told.
  public func abort(_ handle: StreamHandle) {
    connections[handle.reply.connection]?.abortStream(handle.reply.sequence)
  }

  /// Has ``HTTPHandler/streamSent(_:)`` called, in a later turn, once the client's connection has taken
  /// everything that was written: the moment to write more of a long body.
  public func notifyWhenSent(_ handle: StreamHandle) {
    connections[handle.reply.connection]?.notifyWhenSent(handle.reply.sequence)
  }

  /// Bytes written to the stream that its client's connection has not taken; 0 for one that is not
  /// open. What chunks add is counted.
  public func pendingBytes(_ handle: StreamHandle) -> Int {
    connections[handle.reply.connection]?.pendingBytes(handle.reply.sequence) ?? 0
  }
}
