internal import JSON

/// Every error that a request can be answered with (session-limits contract, 4.3).
public enum RPCError: Error, Hashable, Sendable {
  /// A call before `connect`.
  case connectRequired
  /// `connect` with a wrong token, or without one.
  case authenticationFailed
  /// `connect` after `runtime.shutdown`.
  case serverShuttingDown
  case unhandledMethod(String)
  /// A known method failed, and why. Where a failed turn ended with a `session.idle`, its id goes along.
  case failed(method: String, text: String, completionEventID: String? = nil)
  /// The client no longer waits for the answer.
  case cancelled
  /// What came is not JSON.
  case parseError(String)
  /// What came is JSON, but neither a request nor anything else that we know.
  case invalidRequest(String)
}

extension RPCError {
  /// A method of a session that is not there, or that belongs to another user.
  public static func sessionNotFound(_ id: String, method: String) -> RPCError {
    // The real runtime words it differently for one method, and clients look for the words.
    let isSend = method == "session.send" || method == "session.sendAndWait"
    let words = isSend ? "Session not found for sessionId:" : "Session not found:"
    return .failed(method: method, text: "\(words) \(id)")
  }

  public static func invalidSessionID(_ id: String) -> RPCError {
    .failed(
      method: "session.create",
      text: "Rejected session.create request with invalid sessionId: \(id)")
  }

  static let internalErrorCode: Int64 = -32603

  public var code: Int64 {
    switch self {
    case .connectRequired: -32001
    case .authenticationFailed: -32002
    case .serverShuttingDown: -32000
    case .unhandledMethod: -32601
    case .failed: Self.internalErrorCode
    case .cancelled: -32800
    case .parseError: -32700
    case .invalidRequest: -32600
    }
  }

  public var message: String {
    switch self {
    case .connectRequired: "CONNECT_REQUIRED"
    case .authenticationFailed: "AUTHENTICATION_FAILED"
    case .serverShuttingDown: "SERVER_SHUTTING_DOWN"
    case .unhandledMethod(let name): "Unhandled method \(name)"
    case .failed(let method, let text, _): "Request \(method) failed with message: \(text)"
    case .cancelled: "Request cancelled"
    case .parseError(let reason): "Parse error: \(reason)"
    case .invalidRequest(let reason): "Invalid request: \(reason)"
    }
  }

  /// What goes along as `data`, as JSON.
  var data: [UInt8]? {
    guard case .failed(_, _, let completion?) = self else { return nil }
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("completionEventId", completion)
    writer.endObject()
    return writer.take()
  }
}
