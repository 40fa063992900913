extension TokenUsage: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ usage: TokenUsage?, to coder: inout Coder
  ) throws(Coder.Failure) -> TokenUsage {
    let total = try coder.member("tokens", usage?.total)
    let parts = try TokenParts.describe(usage.map(TokenParts.init), to: &coder)
    if let usage { return usage }
    return try parts.usage(of: total, for: &coder)
  }

  /// The same members where there may be none.
  @inlinable
  public static func describeOptional<Coder: FactCoder & ~Escapable>(
    _ usage: TokenUsage??, to coder: inout Coder
  ) throws(Coder.Failure) -> TokenUsage? {
    let total = try coder.optional("tokens", usage.map { $0?.total })
    let parts = try TokenParts.describe(
      usage.map { $0.map(TokenParts.init) ?? .none }, to: &coder)
    if let usage { return usage }
    if let total { return try parts.usage(of: total, for: &coder) }
    if parts != .none { try coder.refuse("tokens", "is required") }
    return nil
  }
}

/// What is said of a usage besides its total.
@usableFromInline
struct TokenParts: Hashable, Described {
  @usableFromInline var input: TokenCount?
  @usableFromInline var output: TokenCount?
  @usableFromInline var cacheRead: TokenCount?
  @usableFromInline var cacheWrite: TokenCount?
  @usableFromInline var reasoning: TokenCount?

  @usableFromInline static var none: TokenParts { TokenParts() }

  @inlinable
  init(
    input: TokenCount? = nil, output: TokenCount? = nil, cacheRead: TokenCount? = nil,
    cacheWrite: TokenCount? = nil, reasoning: TokenCount? = nil
  ) {
    self.input = input
    self.output = output
    self.cacheRead = cacheRead
    self.cacheWrite = cacheWrite
    self.reasoning = reasoning
  }

  @inlinable
  init(_ usage: TokenUsage) {
    self.init(
      input: usage.input, output: usage.output, cacheRead: usage.cacheRead,
      cacheWrite: usage.cacheWrite, reasoning: usage.reasoning)
  }

  @inlinable
  static func describe<Coder: FactCoder & ~Escapable>(
    _ parts: TokenParts?, to coder: inout Coder
  ) throws(Coder.Failure) -> TokenParts {
    TokenParts(
      input: try coder.optional("input_tokens", parts.map(\.input)),
      output: try coder.optional("output_tokens", parts.map(\.output)),
      cacheRead: try coder.optional("cache_read_tokens", parts.map(\.cacheRead)),
      cacheWrite: try coder.optional("cache_write_tokens", parts.map(\.cacheWrite)),
      reasoning: try coder.optional("reasoning_tokens", parts.map(\.reasoning)))
  }

  @inlinable
  func usage<Coder: FactCoder & ~Escapable>(
    of total: TokenCount, for coder: inout Coder
  ) throws(Coder.Failure) -> TokenUsage {
    do {
      return try TokenUsage(
        total: total, input: input, output: output, cacheRead: cacheRead, cacheWrite: cacheWrite,
        reasoning: reasoning)
    } catch {
      try coder.refuse("tokens", "do not fit together: \(error)")
    }
  }
}
