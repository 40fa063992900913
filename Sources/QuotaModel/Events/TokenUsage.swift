/// How many tokens a model call used.
///
/// Cached and reasoning tokens are parts of input and output (OpenTelemetry GenAI semantic
/// conventions), never added a second time.
public struct TokenUsage: Hashable, Sendable {
  /// What counts against limits.
  public let total: TokenCount
  public let input: TokenCount?
  public let output: TokenCount?
  public let cacheRead: TokenCount?
  public let cacheWrite: TokenCount?
  public let reasoning: TokenCount?

  /// The total where it is all that is known.
  public init(total: TokenCount) {
    self.total = total
    input = nil
    output = nil
    cacheRead = nil
    cacheWrite = nil
    reasoning = nil
  }

  /// The total is stated, or follows from input and output; where both are there they must agree.
  public init(
    total: TokenCount? = nil, input: TokenCount? = nil, output: TokenCount? = nil,
    cacheRead: TokenCount? = nil, cacheWrite: TokenCount? = nil, reasoning: TokenCount? = nil
  ) throws(TokenUsageRule) {
    var parts: TokenCount?
    if input != nil || output != nil {
      parts = (input ?? .zero).adding(output ?? .zero)
      if parts == nil { throw .overflow }
    }
    guard let total = total ?? parts else { throw .missing }
    if let parts, parts != total { throw .sumDiffers }
    if let cacheRead, cacheRead > input ?? total { throw .partTooLarge("cache_read_tokens") }
    if let cacheWrite, cacheWrite > input ?? total { throw .partTooLarge("cache_write_tokens") }
    if let reasoning, reasoning > output ?? total { throw .partTooLarge("reasoning_tokens") }
    self.total = total
    self.input = input
    self.output = output
    self.cacheRead = cacheRead
    self.cacheWrite = cacheWrite
    self.reasoning = reasoning
  }
}

/// Why a set of token numbers is refused.
public enum TokenUsageRule: Error, Hashable, Sendable {
  case missing
  case overflow
  case sumDiffers
  case partTooLarge(String)
  case tooLarge
}

extension TokenUsage {
  /// The most that one report may state: as much as the largest limit of a window. More is a mistake, and
  /// would leave no room for what the user spends afterwards.
  public static let largestReport = TokenLimit.range.upperBound

  /// The usage, if one report may state it.
  public func reported() throws(TokenUsageRule) -> TokenUsage {
    guard total.rawValue <= Self.largestReport else { throw .tooLarge }
    return self
  }
}

extension TokenUsageRule: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing: "give tokens, or input_tokens and output_tokens"
    case .overflow: "input_tokens and output_tokens together exceed 9223372036854775807"
    case .tooLarge: "one report states at most \(TokenUsage.largestReport) tokens"
    case .sumDiffers: "tokens must be the sum of input_tokens and output_tokens"
    case .partTooLarge(let member):
      member == "reasoning_tokens"
        ? "reasoning_tokens is a part of the output and cannot exceed it"
        : "\(member) is a part of the input and cannot exceed it"
    }
  }
}
