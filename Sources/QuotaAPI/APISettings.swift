/// What an operator decides about the HTTP interface.
public struct APISettings: Sendable {
  /// What `set_quota` does with a limit that the body leaves out (contract chat-quota, D1).
  public enum OmittedLimits: String, CaseIterable, Sendable {
    /// It goes back to the system's default, as the published document says.
    case `default`
    /// It stays as it is, as running upstream does.
    case unchanged
  }

  /// Which browser origins may read answers.
  public enum AllowedOrigins: Hashable, Sendable {
    case any
    case only(Set<String>)
  }

  public var omittedLimits = OmittedLimits.default
  /// What every path starts with, such as `/quota`; empty for none.
  public var pathPrefix = ""
  public var allowedOrigins = AllowedOrigins.only([])
  /// Whether a user that nobody knows is registered by the first usage that names one.
  public var registersUnknownUsers = false
  /// Whether checkpoints, tiles and proofs, which are hashes and sizes, need no token.
  public var isEvidencePublic = false

  public init() {}
}
