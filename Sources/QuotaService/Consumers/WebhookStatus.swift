public import QuotaModel

/// How the deliveries to one receiver outside are doing. Nothing here is secret.
public struct WebhookStatus: Sendable {
  public let name: String
  /// Without user and password, query and fragment.
  public let url: String
  public let kinds: Set<EventKind>
  /// Everything up to here was taken, or is of no interest to the receiver.
  public let position: Position
  /// The receiver wants nothing more until the service starts again.
  public let isDisabled: Bool
  public let lastAttemptAt: Moment?
  public let lastError: String?
  /// Attempts in a row that failed.
  public let failureCount: Int

  public init(
    name: String, url: String, kinds: Set<EventKind>, position: Position, isDisabled: Bool,
    lastAttemptAt: Moment?, lastError: String?, failureCount: Int
  ) {
    self.name = name
    self.url = url
    self.kinds = kinds
    self.position = position
    self.isDisabled = isDisabled
    self.lastAttemptAt = lastAttemptAt
    self.lastError = lastError
    self.failureCount = failureCount
  }
}
