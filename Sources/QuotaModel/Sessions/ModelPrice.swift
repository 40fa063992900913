/// What a model's tokens cost: nano-credits for each batch of `batchSize` tokens.
public struct ModelPrice: Hashable, Sendable {
  /// 0 to 10^15 nano-credits.
  public static let rates: ClosedRange<Int64> = 0...1_000_000_000_000_000
  /// 1 to 10^9 tokens.
  public static let batchSizes: ClosedRange<Int64> = 1...1_000_000_000

  public let input: NanoCredits
  public let output: NanoCredits
  public let cacheRead: NanoCredits
  public let cacheWrite: NanoCredits
  public let batchSize: Int64

  /// nil where a number is out of range.
  public init?(
    input: NanoCredits, output: NanoCredits, cacheRead: NanoCredits, cacheWrite: NanoCredits,
    batchSize: Int64
  ) {
    guard Self.batchSizes.contains(batchSize),
      [input, output, cacheRead, cacheWrite].allSatisfy({ Self.rates.contains($0.rawValue) })
    else { return nil }
    self.input = input
    self.output = output
    self.cacheRead = cacheRead
    self.cacheWrite = cacheWrite
    self.batchSize = batchSize
  }

  /// What the tokens cost, summed exactly and rounded up once; nil where it does not fit.
  ///
  /// Cached tokens are a part of the input and have prices of their own (contract session-limits,
  /// section 5); reasoning tokens are a part of the output and are not charged twice.
  public func cost(of usage: TokenUsage) -> NanoCredits? {
    let input = usage.input ?? (usage.output == nil ? usage.total : .zero)
    let cached = Int128(usage.cacheRead?.rawValue ?? 0) + Int128(usage.cacheWrite?.rawValue ?? 0)
    let fresh = max(0, Int128(input.rawValue) - cached)
    let sum =
      fresh * Int128(self.input.rawValue)
      + Int128(usage.cacheRead?.rawValue ?? 0) * Int128(cacheRead.rawValue)
      + Int128(usage.cacheWrite?.rawValue ?? 0) * Int128(cacheWrite.rawValue)
      + Int128(usage.output?.rawValue ?? 0) * Int128(output.rawValue)
    let batch = Int128(batchSize)
    return Int64(exactly: (sum + batch - 1) / batch).flatMap(NanoCredits.init)
  }

  /// The most that a call can cost that takes and gives at most so many tokens; what is kept free for
  /// it. Whether the input is cached, and read or written then, only the model knows.
  public func bound(input: TokenCount, output: TokenCount) -> NanoCredits {
    let dearest = max(self.input, cacheRead, cacheWrite)
    let sum =
      Int128(input.rawValue) * Int128(dearest.rawValue)
      + Int128(output.rawValue) * Int128(self.output.rawValue)
    let batch = Int128(batchSize)
    return Int64(exactly: (sum + batch - 1) / batch).flatMap(NanoCredits.init) ?? .maximum
  }
}
