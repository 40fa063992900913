/// What a request asks for; methods without a case of their own are `other`.
public enum HTTPMethod: Hashable, Sendable {
  case get, head, post, put, patch, delete, options, other

  /// The method written so; letter case matters (RFC 9110, section 9.1).
  public init(_ text: String) {
    self =
      switch text {
      case "GET": .get
      case "HEAD": .head
      case "POST": .post
      case "PUT": .put
      case "PATCH": .patch
      case "DELETE": .delete
      case "OPTIONS": .options
      default: .other
      }
  }
}
