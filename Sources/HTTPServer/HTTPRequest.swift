/// A request as it came, with nothing decoded: percent escapes are the handler's business.
public struct HTTPRequest: Sendable {
  public var method: HTTPMethod
  /// The method as sent.
  public var methodText: String
  /// The path as sent, without the query; `/` when the target names only a host, `*` for that form.
  public var path: String
  /// What follows the question mark, as sent; nil without one.
  public var query: String?
  public var headers: HTTPHeaders
  public var body: [UInt8]

  public init(
    method: HTTPMethod, methodText: String, path: String, query: String?,
    headers: HTTPHeaders, body: [UInt8]
  ) {
    self.method = method
    self.methodText = methodText
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
  }

  /// What is left to say of it once the body has been read.
  public var withoutBody: HTTPRequest {
    var head = self
    head.body = []
    return head
  }
}
