/// What a request may take of this process. Times are in milliseconds.
public struct HTTPClientLimits: Sendable {
  /// Requests under way at once; a further one is refused.
  public var exchanges = 1_000
  /// Connections that are kept open for later requests.
  public var idleConnections = 32
  /// Bytes of an answer's status line and header fields, those of interim answers included.
  public var headBytes = 65_536
  /// Bytes of an answer's whole body.
  public var bodyBytes = 33_554_432
  /// Until the server is connected, its name looked up and its certificate checked.
  public var connectMilliseconds = 10_000
  /// Without a byte of the request taken or a byte of the answer come, counted from the beginning.
  public var silenceMilliseconds = 120_000
  /// From the beginning to the end of the answer.
  public var wholeMilliseconds = 600_000

  public init() {}
}
