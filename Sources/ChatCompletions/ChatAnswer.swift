/// What a model answered, or what there is of it.
public struct ChatAnswer: Hashable, Sendable {
  public var text = ""
  /// Nil if the answer states none that can be believed.
  public var usage: ChatUsage?
  /// `stop`, `length`, and whatever else the server says.
  public var finishReason: String?
  /// The server's name for the answer.
  public var id: String?
  /// The model as the server names it.
  public var model: String?

  public init() {}
}

/// Why there is no whole answer, and what there is.
public struct ChatFailure: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// The server answered with an error.
    case refused
    /// It ended before its end.
    case cutShort
    /// It is not what an answer looks like.
    case malformed
    case tooLarge
  }

  public let reason: Reason
  /// The HTTP status; an error may also come after a status of 200.
  public let status: Int
  /// The server's own words if it gave any, else ours; at most 300 bytes, no control characters.
  ///
  /// A server can repeat anything of the request here.
  public let message: String
  /// The text and the usage that came before; the tokens are spent.
  public let partial: ChatAnswer

  init(_ reason: Reason, status: Int, message: String, partial: ChatAnswer) {
    self.reason = reason
    self.status = status
    self.message = message
    self.partial = partial
  }
}
