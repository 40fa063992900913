public import EventJSON
internal import HTTPServer
public import JSON
public import QuotaModel
public import QuotaService

/// One reported usage: what to record, and the id that the client knows it by.
public struct UsageItem: Sendable {
  public var id: String
  public var requestID: RequestID
  public var report: UsageReport
}

extension UsageItem {
  /// Longest `id` of a usage object and of a CloudEvent, in bytes.
  static let maximumIDByteCount = 255
  /// Longest `source` of a CloudEvent, in bytes.
  static let maximumSourceByteCount = 200

  /// Reads a usage object. `key` stands in for a missing `id`.
  public init(
    usage json: JSONValue, key: String? = nil, registersUnknownUser: Bool = false
  ) throws(MemberFault) {
    try json.requireObject()
    let stated = try json.text("id")
    if let stated, let key, stated != key {
      throw MemberFault(member: "id", rule: "differs from the Idempotency-Key header")
    }
    guard let id = stated ?? key else {
      throw MemberFault(
        member: "id", rule: "is required (or the Idempotency-Key header): it makes retries safe")
    }
    self.id = id
    requestID = try Self.requestID(id, id)
    report = try json.usageReport(
      user: nil, time: nil, registersUnknownUser: registersUnknownUser)
  }

  /// Reads a CloudEvent 1.0 in its structured form; `source` and `id` together are the request id.
  public init(
    cloudEvent json: JSONValue, registersUnknownUser: Bool = false
  ) throws(MemberFault) {
    try json.requireObject()
    guard try json.requiredText("specversion") == "1.0" else {
      throw MemberFault(member: "specversion", rule: "must be \"1.0\"")
    }
    _ = try json.requiredText("type")
    let source = try json.requiredText("source")
    guard source.utf8.count <= Self.maximumSourceByteCount else {
      throw MemberFault(
        member: "source", rule: "must have at most \(Self.maximumSourceByteCount) bytes")
    }
    guard !source.isEmpty, !source.utf8.contains(0x20) else {
      throw MemberFault(member: "source", rule: "must be a URI reference")
    }
    id = try json.requiredText("id")
    // A URI reference has no space, so the two can be told apart.
    requestID = try Self.requestID(id, source + " " + id)
    let data = try json.required("data")
    guard data.kind == .object else {
      throw MemberFault(member: "data", rule: "must be a usage object")
    }
    report = try data.usageReport(
      user: try json.text("subject"), time: try json.moment("time"),
      registersUnknownUser: registersUnknownUser)
  }

  private static func requestID(_ id: String, _ whole: String) throws(MemberFault) -> RequestID {
    guard id.utf8.count <= maximumIDByteCount else {
      throw MemberFault(member: "id", rule: "must have at most \(maximumIDByteCount) bytes")
    }
    do throws(TextRule) {
      if id.isEmpty { _ = try RequestID(id) }
      return try RequestID(whole)
    } catch {
      throw MemberFault(member: "id", rule: error.description)
    }
  }
}

extension JSONValue {
  func requireObject() throws(MemberFault) {
    guard kind == .object else {
      throw MemberFault(member: "the body", rule: "must be a JSON object")
    }
  }

  /// The usage members, in our spelling or in OpenTelemetry's for generative AI.
  fileprivate func usageReport(
    user fallback: String?, time: Moment?, registersUnknownUser: Bool
  ) throws(MemberFault) -> UsageReport {
    guard let user = try oneText("user", "user.id", "enduser.id") ?? fallback, !user.isEmpty else {
      throw MemberFault(member: "user", rule: "is required: a UUID or a unique name")
    }
    let usage = try reportedUsage()
    return UsageReport(
      user: UserReference(user), usage: usage, model: try model(),
      happenedAt: try moment("time") ?? time, registersUnknownUser: registersUnknownUser)
  }

  func reportedUsage() throws(MemberFault) -> TokenUsage {
    let names = UsageSpellings.self
    let total = try oneCount("tokens", names.total)
    let input = try oneCount("input_tokens", names.input)
    let output = try oneCount("output_tokens", names.output)
    let cacheRead = try oneCount("cache_read_tokens", names.cacheRead)
    let cacheWrite = try oneCount("cache_write_tokens", names.cacheWrite)
    let reasoning = try oneCount("reasoning_tokens", names.reasoning)
    do {
      return try TokenUsage(
        total: total, input: input, output: output, cacheRead: cacheRead,
        cacheWrite: cacheWrite, reasoning: reasoning
      ).reported()
    } catch {
      throw MemberFault(member: error.member, rule: "is wrong: \(error)")
    }
  }

  /// The value of the one spelling that is there; two that differ are a fault.
  private func oneCount(_ name: StaticString, _ others: [StaticString]) throws(MemberFault)
    -> TokenCount?
  {
    var found = try tokens(name)
    for other in others {
      guard let value = try tokens(other) else { continue }
      if let found, found != value {
        throw MemberFault(member: other.description, rule: "contradicts \(name)")
      }
      found = value
    }
    return found
  }

  /// The model that answered, else the one that was asked for.
  private func model() throws(MemberFault) -> ModelName? {
    if let model = try bounded("model", ModelName.init) { return model }
    if let model = try bounded("gen_ai.response.model", ModelName.init) { return model }
    return try bounded("gen_ai.request.model", ModelName.init)
  }

  private func oneText(_ names: StaticString...) throws(MemberFault) -> String? {
    for name in names {
      if let text = try text(name) { return text }
    }
    return nil
  }
}

/// What others call our members: providers' own spellings, and OpenTelemetry's for generative AI.
private enum UsageSpellings {
  static let total: [StaticString] = ["total_tokens", "gen_ai.usage.total_tokens"]
  static let input: [StaticString] = ["prompt_tokens", "gen_ai.usage.input_tokens"]
  static let output: [StaticString] = ["completion_tokens", "gen_ai.usage.output_tokens"]
  static let cacheRead: [StaticString] = ["gen_ai.usage.cache_read.input_tokens"]
  static let cacheWrite: [StaticString] = ["gen_ai.usage.cache_creation.input_tokens"]
  static let reasoning: [StaticString] = ["gen_ai.usage.reasoning.output_tokens"]
}

extension TokenUsageRule {
  fileprivate var member: String {
    switch self {
    case .missing, .sumDiffers, .tooLarge: "tokens"
    case .overflow: "output_tokens"
    case .partTooLarge(let member): member
    }
  }
}
