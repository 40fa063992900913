/// What an earlier event should have said that a user spent.
///
/// Nothing is edited: the windows of the corrected event get the difference.
public struct Correction: Hashable, Sendable {
  public var user: UserID
  /// The event that is corrected: usage, or a settlement of a hold.
  public var corrected: Position
  /// What counted until now.
  public var old: TokenCount
  /// What counts from now on.
  public var usage: TokenUsage

  public init(user: UserID, corrected: Position, old: TokenCount, usage: TokenUsage) {
    self.user = user
    self.corrected = corrected
    self.old = old
    self.usage = usage
  }
}

extension Correction: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ correction: Correction?, to coder: inout Coder
  ) throws(Coder.Failure) -> Correction {
    Correction(
      user: try coder.member("user", correction?.user),
      corrected: Position(
        try coder.member("corrected", correction?.corrected.rawValue, in: 1...UInt64.max)),
      old: try coder.member("old_tokens", correction?.old),
      usage: try .describe(correction?.usage, to: &coder))
  }
}
