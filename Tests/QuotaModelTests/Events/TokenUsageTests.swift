import QuotaModel
import Testing

@Suite struct `A usage of tokens` {
  /// Total, input, output, cache read, cache write, reasoning; nil where nothing is said.
  typealias Numbers = [Int64?]

  @Test(
    arguments: [
      ([5, nil, nil, nil, nil, nil], 5), ([0, nil, nil, nil, nil, nil], 0),
      ([nil, 3, nil, nil, nil, nil], 3), ([nil, nil, 4, nil, nil, nil], 4),
      ([nil, 3, 4, nil, nil, nil], 7), ([7, 3, 4, nil, nil, nil], 7),
      ([3, 3, nil, nil, nil, nil], 3), ([nil, 3, 4, 3, 3, 4], 7), ([9, nil, nil, 9, 9, 9], 9),
      ([nil, .max, 0, nil, nil, nil], .max), ([nil, nil, 4, 4, nil, nil], 4),
    ] as [(Numbers, Int64)])
  func `has a total, stated or summed`(numbers: Numbers, total: Int64) throws {
    let usage = try Self.usage(numbers)
    #expect(usage.total == .of(total))
    #expect(
      [usage.input, usage.output, usage.cacheRead, usage.cacheWrite, usage.reasoning]
        .map { $0?.rawValue } == Array(numbers.dropFirst()))
  }

  @Test(
    arguments: [
      ([nil, nil, nil, nil, nil, nil], .missing), ([nil, nil, nil, 1, 1, 1], .missing),
      ([nil, .max, 1, nil, nil, nil], .overflow), ([.max, .max, .max, nil, nil, nil], .overflow),
      ([6, 3, 4, nil, nil, nil], .sumDiffers), ([4, 3, nil, nil, nil, nil], .sumDiffers),
      ([nil, 3, 4, 4, nil, nil], .partTooLarge("cache_read_tokens")),
      ([nil, 3, 4, nil, 4, nil], .partTooLarge("cache_write_tokens")),
      ([nil, 3, 4, nil, nil, 5], .partTooLarge("reasoning_tokens")),
      ([5, nil, nil, 6, nil, nil], .partTooLarge("cache_read_tokens")),
      ([5, nil, nil, nil, nil, 6], .partTooLarge("reasoning_tokens")),
    ] as [(Numbers, TokenUsageRule)])
  func `is refused where its numbers do not fit`(numbers: Numbers, rule: TokenUsageRule) {
    #expect(throws: rule) { try Self.usage(numbers) }
  }

  private static func usage(_ numbers: Numbers) throws(TokenUsageRule) -> TokenUsage {
    let counts = numbers.map { $0.map(TokenCount.of) }
    return try TokenUsage(
      total: counts[0], input: counts[1], output: counts[2], cacheRead: counts[3],
      cacheWrite: counts[4], reasoning: counts[5])
  }
}
