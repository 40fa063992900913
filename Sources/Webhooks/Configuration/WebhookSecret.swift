internal import Encodings
internal import QuotaService

/// The key that a webhook's messages are signed with, as Standard Webhooks writes it: `whsec_` and 24 to
/// 64 bytes in base64.
public struct WebhookSecret: Sendable {
  public static let byteCounts = 24...64
  private static let prefix = "whsec_"

  private let key: [UInt8]

  public init(_ text: String) throws(WebhookRule) {
    guard text.hasPrefix(Self.prefix),
      let key = Base64.decode(text.utf8.dropFirst(Self.prefix.utf8.count)),
      Self.byteCounts.contains(key.count)
    else { throw Self.rule }
    self.key = key
  }

  public static let rule = WebhookRule(
    description: "must be whsec_ and \(byteCounts.lowerBound) to \(byteCounts.upperBound) bytes "
      + "in base64")

  /// The value of `webhook-signature` for a message.
  func signature(id: String, timestampSeconds: Int64, body: [UInt8]) -> String {
    let message = Array("\(id).\(timestampSeconds).".utf8) + body
    return "v1," + Base64.encode(MessageAuthentication.code(of: message, key: key))
  }
}

/// Nothing that prints a webhook prints its secret.
extension WebhookSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { Self.prefix + "…" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
