internal import HTTPClient

/// Where a webhook is received: an absolute `http` or `https` URL of at most 2048 bytes.
public struct WebhookURL: Hashable, Sendable {
  public static let maximumByteCount = 2048

  let text: String

  public init(_ text: String) throws(WebhookRule) {
    guard
      text.utf8.count <= Self.maximumByteCount,
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), HTTPClient.accepts(url: text)
    else {
      throw WebhookRule(
        description: "must be an absolute http or https URL of at most "
          + "\(Self.maximumByteCount) visible ASCII characters")
    }
    self.text = text
  }
}

extension WebhookURL: CustomStringConvertible {
  /// Only where it leads: user and password, path, query and fragment may hold secrets.
  public var description: String {
    let plain = text.prefix { $0 != "?" && $0 != "#" }
    guard let slashes = plain.firstRange(of: "//") else { return "" }
    let rest = plain[slashes.upperBound...]
    let authority = rest.prefix { $0 != "/" }
    let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] }
    let hasPath = rest[authority.endIndex...].count > 1
    return String(plain[..<slashes.upperBound] + (host ?? authority)) + (hasPath ? "/…" : "/")
  }
}
