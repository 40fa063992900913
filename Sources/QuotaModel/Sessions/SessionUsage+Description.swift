extension SessionUsage {
  /// The user stands first, as in every fact that concerns one, and then the session.
  @inlinable
  static func describe<Coder: FactCoder & ~Escapable>(
    _ session: SessionRef?, _ usage: SessionUsage?, to coder: inout Coder
  ) throws(Coder.Failure) -> Fact {
    let user = try coder.optional("user", usage.map(\.user))
    let session = try coder.member("session", session)
    var found = SessionUsage(
      id: try coder.member("usage_id", usage?.id), user: user,
      call: try coder.optional("call_id", usage.map(\.call)),
      sequence: try coder.member("sequence", usage?.sequence),
      tokens: try TokenUsage.describeOptional(usage.map(\.tokens), to: &coder),
      model: try coder.optional("model", usage.map(\.model)),
      cost: try .describe(usage?.cost, to: &coder))
    found.estimate = try coder.optional(
      "estimate_nano_aiu", usage.map { $0.estimate?.rawValue }, in: 1...Int64.max
    ).flatMap(NanoCredits.init)
    found.agent = try coder.optional("agent_id", usage.map(\.agent))
    found.durationMilliseconds = try coder.optional(
      "duration_ms", usage.map(\.durationMilliseconds))
    found.finishReason = try coder.optional("finish_reason", usage.map(\.finishReason))
    found.upstreamID = try coder.optional("upstream_id", usage.map(\.upstreamID))
    if usage == nil, found.estimate != nil, found.cost != .unavailable {
      try coder.refuse("estimate_nano_aiu", "stands only where the cost is unknown")
    }
    return .session(session, .usageRecorded(found))
  }
}

extension CallCost: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ cost: CallCost?, to coder: inout Coder
  ) throws(Coder.Failure) -> CallCost {
    let amount = try coder.optional("cost_nano_aiu", cost.map(\.amount))
    let price = try ModelPrice.describeOptional(cost.map(\.price), to: &coder)
    guard let price else { return amount.map { .stated($0) } ?? .unavailable }
    guard let amount else { try coder.refuse("cost_nano_aiu", "is required") }
    return .priced(amount, price)
  }
}

extension CallCost {
  /// The price that it was reckoned by.
  @inlinable
  var price: ModelPrice? {
    switch self {
    case .priced(_, let price): price
    case .stated, .unavailable: nil
    }
  }
}

extension ModelPrice {
  /// Its members, all of which are there or none.
  @inlinable
  static func describeOptional<Coder: FactCoder & ~Escapable>(
    _ price: ModelPrice??, to coder: inout Coder
  ) throws(Coder.Failure) -> ModelPrice? {
    let input = try rate("price_input_nano_aiu", price.map { $0?.input }, &coder)
    let output = try rate("price_output_nano_aiu", price.map { $0?.output }, &coder)
    let cacheRead = try rate("price_cache_read_nano_aiu", price.map { $0?.cacheRead }, &coder)
    let cacheWrite = try rate("price_cache_write_nano_aiu", price.map { $0?.cacheWrite }, &coder)
    let batchSize = try coder.optional(
      "price_batch_size", price.map { $0?.batchSize }, in: batchSizes)
    if let price { return price }
    if let input, let output, let cacheRead, let cacheWrite, let batchSize {
      return ModelPrice(
        input: input, output: output, cacheRead: cacheRead, cacheWrite: cacheWrite,
        batchSize: batchSize)
    }
    let rest: [(StaticString, Bool)] = [
      ("price_input_nano_aiu", input != nil), ("price_output_nano_aiu", output != nil),
      ("price_cache_read_nano_aiu", cacheRead != nil),
      ("price_cache_write_nano_aiu", cacheWrite != nil), ("price_batch_size", batchSize != nil),
    ]
    if rest.contains(where: \.1), let missing = rest.first(where: { !$0.1 }) {
      try coder.refuse(missing.0, "is required")
    }
    return nil
  }

  @inlinable
  static func rate<Coder: FactCoder & ~Escapable>(
    _ name: StaticString, _ rate: NanoCredits??, _ coder: inout Coder
  ) throws(Coder.Failure) -> NanoCredits? {
    try coder.optional(name, rate.map { $0?.rawValue }, in: rates).flatMap(NanoCredits.init)
  }
}
