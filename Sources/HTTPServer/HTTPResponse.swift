/// An answer as the handler gives it.
///
/// The server adds `Content-Length`, `Date` and what it has to say about the connection; of these
/// only a `Date` of the handler's own is kept, and `Connection: close` closes.
public struct HTTPResponse: Sendable {
  /// 200 to 999.
  public var status: Int
  /// Written as they are, but for line breaks and NULs in them, which become spaces.
  public var headers: [(name: String, value: String)]
  /// Counted but not sent in the answer to HEAD; neither with 204 and 304.
  public var body: [UInt8]

  public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}
