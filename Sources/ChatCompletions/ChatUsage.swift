internal import JSON

/// What an answer says that it cost in tokens; what it does not say is nil, which is not zero.
public struct ChatUsage: Hashable, Sendable {
  /// Cached ones included.
  public var inputTokens: Int64?
  /// Those of reasoning included.
  public var outputTokens: Int64?
  public var cacheReadTokens: Int64?
  /// No part of OpenAI's own API; some gateways to other models state it.
  public var cacheWriteTokens: Int64?
  public var reasoningTokens: Int64?

  public init(
    inputTokens: Int64? = nil, outputTokens: Int64? = nil, cacheReadTokens: Int64? = nil,
    cacheWriteTokens: Int64? = nil, reasoningTokens: Int64? = nil
  ) {
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.cacheReadTokens = cacheReadTokens
    self.cacheWriteTokens = cacheWriteTokens
    self.reasoningTokens = reasoningTokens
  }
}

extension ChatUsage {
  /// Nothing in the object is no number of tokens.
  private struct Unusable: Error {}

  /// Reads a `usage` object; nil if it states nothing, or anything that is no count of tokens: then
  /// none of it is to be believed.
  init?(_ json: JSONValue) {
    do throws(Unusable) {
      guard let usage = try Self.object(json) else { return nil }
      let input = try Self.object(usage["prompt_tokens_details"])
      let output = try Self.object(usage["completion_tokens_details"])
      self.init(
        inputTokens: try Self.count(usage["prompt_tokens"]),
        outputTokens: try Self.count(usage["completion_tokens"]),
        cacheReadTokens: try Self.count(input?["cached_tokens"]),
        cacheWriteTokens: try Self.count(input?["cache_write_tokens"]),
        reasoningTokens: try Self.count(output?["reasoning_tokens"]))
    } catch {
      return nil
    }
    if self == ChatUsage() { return nil }
  }

  private static func object(_ json: JSONValue?) throws(Unusable) -> JSONValue? {
    guard let json, json.kind != .null else { return nil }
    guard json.kind == .object else { throw Unusable() }
    return json
  }

  private static func count(_ json: JSONValue?) throws(Unusable) -> Int64? {
    guard let json, json.kind != .null else { return nil }
    guard let count = json.int64, count >= 0 else { throw Unusable() }
    return count
  }
}
