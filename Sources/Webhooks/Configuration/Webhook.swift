public import QuotaModel

/// Who is told of which events, and where.
public struct Webhook: Sendable {
  public let name: WebhookName
  public let url: WebhookURL
  public let secret: WebhookSecret
  /// Of which kinds the events are that it gets.
  public let kinds: Set<EventKind>

  public init(
    name: WebhookName, url: WebhookURL, secret: WebhookSecret,
    kinds: Set<EventKind> = [.thresholdCrossed]
  ) {
    self.name = name
    self.url = url
    self.secret = secret
    self.kinds = kinds
  }
}

/// Why a part of a webhook is refused: what was expected of it, without what was given.
public struct WebhookRule: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
}

/// What an operator calls a webhook: 1 to 64 of the letters, digits, `.`, `_` and `-`.
///
/// The place in the log is kept under this name, so another name begins anew.
public struct WebhookName: Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ text: String) throws(WebhookRule) {
    guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed) else {
      throw WebhookRule(description: "must be 1 to 64 of A-Z, a-z, 0-9, ., _ and -")
    }
    description = text
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: ".-_".utf8.contains(byte)
    }
  }
}
