/// What to ask another server.
public struct OutgoingRequest: Sendable {
  /// A method as it goes out, in capitals by custom.
  public var method: String
  /// Absolute, `http` or `https`; a fragment stays here.
  public var url: String
  /// Sent in this order. What frames the message or belongs to the connection is the client's own
  /// business and left out when it stands here: `host`, `content-length`, `transfer-encoding`,
  /// `connection`, `accept-encoding` (always `identity`) and the like.
  public var headers: [(name: String, value: String)]
  public var body: [UInt8]
  /// Where it may go; nil: anywhere.
  public var destinations: Destinations?

  public init(
    method: String, url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }
}
