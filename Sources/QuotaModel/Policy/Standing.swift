/// Where an account stood when something was decided about it.
public struct Standing: Hashable, Sendable {
  public var policy: Policy
  public var used: PerPeriod<TokenCount>
  public var reserved: TokenCount
  public var windows: PerPeriod<Window>

  public init(
    policy: Policy, used: PerPeriod<TokenCount>, reserved: TokenCount, windows: PerPeriod<Window>
  ) {
    self.policy = policy
    self.used = used
    self.reserved = reserved
    self.windows = windows
  }
}
