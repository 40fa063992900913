import QuotaModel
import TestSupport
import Testing

@Suite struct `The cost of a call` {
  private static let price = price(input: 50_000_000, output: 400_000_000, batchSize: 1000)

  @Test func `is that of the contract's example`() throws {
    let usage = try TokenUsage(input: .of(12_000), output: .of(2500))
    #expect(Self.price.cost(of: usage)?.rawValue == 1_600_000_000)
  }

  @Test(
    arguments: [
      // input, output, cache read, cache write, reasoning
      ([0, 0, nil, nil, nil], 0), ([1, nil, nil, nil, nil], 5), ([nil, 1, nil, nil, nil], 7),
      ([10, 1, nil, nil, nil], 57), ([10, 1, 4, nil, nil], 6 * 5 + 4 * 2 + 7),
      ([10, 1, 4, 3, nil], 3 * 5 + 4 * 2 + 3 * 3 + 7), ([10, 1, 10, 10, nil], 10 * 2 + 10 * 3 + 7),
      ([10, 5, nil, nil, 5], 10 * 5 + 5 * 7),
    ] as [([Int64?], Int64)])
  func `takes cached input at its own price and reasoning once`(
    tokens: [Int64?], nano: Int64
  ) throws {
    let price = Self.price(input: 5, output: 7, cacheRead: 2, cacheWrite: 3, batchSize: 1)
    let counts = tokens.map { $0.map(TokenCount.of) }
    let usage = try TokenUsage(
      input: counts[0], output: counts[1], cacheRead: counts[2], cacheWrite: counts[3],
      reasoning: counts[4])
    #expect(price.cost(of: usage)?.rawValue == nano)
  }

  @Test func `takes a bare total for input`() {
    #expect(Self.price.cost(of: TokenUsage(total: .of(2000)))?.rawValue == 100_000_000)
  }

  @Test(arguments: [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2)] as [(Int64, Int64)])
  func `is rounded up`(tokens: Int64, nano: Int64) throws {
    let price = Self.price(input: 1, output: 0, batchSize: 1000)
    #expect(price.cost(of: try TokenUsage(input: .of(tokens)))?.rawValue == nano)
  }

  @Test func `is rounded up once, not for every kind of token`() throws {
    let price = Self.price(input: 1, output: 1, cacheRead: 1, cacheWrite: 1, batchSize: 4)
    let usage = try TokenUsage(
      input: .of(3), output: .of(1), cacheRead: .of(1), cacheWrite: .of(1))
    #expect(price.cost(of: usage)?.rawValue == 1)
  }

  @Test func `is there up to the last nano-credit that fits`() throws {
    let price = Self.price(input: 1, output: 1, batchSize: 1)
    #expect(price.cost(of: TokenUsage(total: .maximum)) == .maximum)
    let dear = Self.price(input: 0, output: 1_000_000_000_000_000, batchSize: 1)
    #expect(dear.cost(of: try TokenUsage(output: .of(9223)))?.rawValue == 9_223_000_000_000_000_000)
    #expect(dear.cost(of: try TokenUsage(output: .of(9224))) == nil)
    #expect(dear.cost(of: try TokenUsage(output: .maximum)) == nil)
  }

  @Test func `is what schoolbook arithmetic makes of it`() throws {
    var draw = RandomSessionFacts(numbers: SeededNumbers())
    let seed = draw.numbers.seed
    for _ in 0..<2000 {
      let price = draw.price()
      let usage = try Self.usage(&draw.numbers)
      let sum = Self.sum(of: usage, price)
      let batch = NaturalNumber(price.batchSize)
      guard let cost = price.cost(of: usage)?.rawValue else {
        #expect(sum > NaturalNumber(.max) * batch, "\(usage) \(price) seed \(seed)")
        continue
      }
      #expect(sum <= NaturalNumber(cost) * batch, "\(usage) \(price) seed \(seed)")
      #expect(
        cost == 0 || NaturalNumber(cost - 1) * batch < sum, "\(usage) \(price) seed \(seed)")
    }
  }

  @Test func `is never more than the bound for its tokens`() throws {
    var draw = RandomSessionFacts(numbers: SeededNumbers())
    let seed = draw.numbers.seed
    for _ in 0..<2000 {
      let price = draw.price()
      let usage = try Self.usage(&draw.numbers)
      let bound = price.bound(input: usage.input ?? .zero, output: usage.output ?? .zero)
      let cost = price.cost(of: usage) ?? .maximum
      #expect(cost <= bound, "\(usage) \(price) seed \(seed)")
    }
  }

  private static func usage(_ numbers: inout SeededNumbers) throws -> TokenUsage {
    func draw(upTo bound: Int64) -> Int64 {
      let width = Int64.random(in: 0..<63, using: &numbers)
      return Int64.random(in: 0...max(1, bound >> width), using: &numbers)
    }
    let input = draw(upTo: .max / 2)
    let output = draw(upTo: .max / 2)
    let cached = Int64.random(in: 0...input, using: &numbers)
    return try TokenUsage(
      input: .of(input), output: .of(output), cacheRead: .of(cached),
      cacheWrite: .of(input - cached))
  }

  private static func sum(of usage: TokenUsage, _ price: ModelPrice) -> NaturalNumber {
    let read = usage.cacheRead?.rawValue ?? 0
    let write = usage.cacheWrite?.rawValue ?? 0
    let fresh = (usage.input?.rawValue ?? 0) - read - write
    return NaturalNumber(fresh) * NaturalNumber(price.input.rawValue)
      + NaturalNumber(read) * NaturalNumber(price.cacheRead.rawValue)
      + NaturalNumber(write) * NaturalNumber(price.cacheWrite.rawValue)
      + NaturalNumber(usage.output?.rawValue ?? 0) * NaturalNumber(price.output.rawValue)
  }

  private static func price(
    input: Int64, output: Int64, cacheRead: Int64 = 0, cacheWrite: Int64 = 0, batchSize: Int64
  ) -> ModelPrice {
    let price = ModelPrice(
      input: .of(input), output: .of(output), cacheRead: .of(cacheRead),
      cacheWrite: .of(cacheWrite), batchSize: batchSize)
    guard let price else { preconditionFailure("no price") }
    return price
  }
}

@Suite struct `A model's price` {
  @Test(
    arguments: [
      (0, 1, true), (1_000_000_000_000_000, 1_000_000_000, true), (1_000_000_000_000_001, 1, false),
      (0, 0, false), (0, -1, false), (0, 1_000_000_001, false),
    ] as [(Int64, Int64, Bool)])
  func `has numbers within its ranges`(rate: Int64, batchSize: Int64, isPrice: Bool) {
    for place in 0..<4 {
      let rates = (0..<4).map { NanoCredits.of($0 == place ? rate : 0) }
      let price = ModelPrice(
        input: rates[0], output: rates[1], cacheRead: rates[2], cacheWrite: rates[3],
        batchSize: batchSize)
      #expect((price != nil) == isPrice)
    }
  }
}
