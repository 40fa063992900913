internal import EventJSON
internal import JSON
internal import QuotaModel
internal import QuotaService

/// The members of a request about sessions, each under our name or the SDK's (contract
/// session-limits, section 6).
struct SessionBody {
  /// nil for a request without a body.
  private let json: JSONValue?
  /// What names in complaints begin with.
  private let prefix: String

  init(_ json: JSONValue?, prefix: String = "") {
    self.json = json
    self.prefix = prefix
  }

  /// What `read` makes of the member; nil where it is absent. Under both names it must be the same.
  func value<Value: Equatable>(
    _ member: SessionMember, _ read: (JSONValue, String) throws(Problem) -> Value
  ) throws(Problem) -> Value? {
    let first = try json?[member.name].map { (json) throws(Problem) in
      try read(json, prefix + member.name.description)
    }
    guard let other = member.nameInSDK, let json = json?[other] else { return first }
    let second = try read(json, prefix + other.description)
    if let first, first != second {
      throw .invalid(prefix + other.description, "contradicts \(prefix)\(member.name)")
    }
    return second
  }

  /// The same for members that may as well be null, which is as good as absent.
  private func optional<Value: Equatable>(
    _ member: SessionMember, _ read: (JSONValue, String) throws(Problem) -> Value
  ) throws(Problem) -> Value? {
    let found: Value?? = try value(member) { (json, name) throws(Problem) in
      json.kind == .null ? nil : try read(json, name)
    }
    return found ?? nil
  }

  func text(_ member: SessionMember) throws(Problem) -> String? {
    try optional(member) { (json, name) throws(Problem) in
      guard let text = json.string else { throw .invalid(name, "must be a string") }
      return text
    }
  }

  /// A text that has to follow a rule of its own.
  func bounded<Bounded: Equatable>(
    _ member: SessionMember, _ make: (String) throws(TextRule) -> Bounded
  ) throws(Problem) -> Bounded? {
    try optional(member) { (json, name) throws(Problem) in
      guard let text = json.string else { throw .invalid(name, "must be a string") }
      do throws(TextRule) { return try make(text) } catch {
        throw .invalid(name, error.description)
      }
    }
  }

  func tokens(_ member: SessionMember) throws(Problem) -> TokenCount? {
    try optional(member) { (json, name) throws(Problem) in
      guard let tokens = json.int64.flatMap(TokenCount.init) else {
        throw .invalid(name, Self.integerRule)
      }
      return tokens
    }
  }

  /// An amount in nano-credits.
  func nanoCredits(_ member: SessionMember) throws(Problem) -> NanoCredits? {
    try optional(member) { (json, name) throws(Problem) in
      guard let amount = json.int64.flatMap(NanoCredits.init) else {
        throw .invalid(name, Self.integerRule)
      }
      return amount
    }
  }

  private static let integerRule = "must be an integer from 0 to 9223372036854775807"

  func budgetAccess() throws(Problem) -> BudgetAccess? {
    do {
      return try json?.reading { (line) throws(MemberFault) in
        try BudgetAccess.describeOptional(nil, to: &line)
      } ?? nil
    } catch { throw Problem(error) }
  }

  /// A number of credits above zero; nil where it is absent or null.
  func credits(_ member: SessionMember) throws(Problem) -> NanoCredits? {
    try optional(member, Self.credits)
  }

  private static func credits(_ json: JSONValue, _ name: String) throws(Problem) -> NanoCredits {
    guard let text = json.numberText else { throw .invalid(name, "must be a number") }
    guard let amount = NanoCredits(credits: text) else {
      throw .invalid(name, "must be a number from 0.000000001 to 9223372036.854775807")
    }
    guard amount > .zero else { throw .invalid(name, "must be at least 0.000000001") }
    return amount
  }

  /// What becomes of a cap (contract session-limits, 2.2).
  func limits(atLeast minimum: NanoCredits) throws(Problem) -> CapUpdate {
    try value(.sessionLimits) { (json, name) throws(Problem) in
      if json.kind == .null { return .remove }
      guard json.kind == .object else { throw .invalid(name, "must be an object or null") }
      let limits = SessionBody(json, prefix: name + ".")
      try limits.allowOnly(.maximum)
      guard let limit = try limits.credits(.maximum) else { return .remove }
      if limit < minimum { throw .belowMinimum(minimum, name) }
      return .set(limit)
    } ?? .keep
  }

  /// A misspelled cap must not look like one left out.
  func allowOnly(_ members: SessionMember...) throws(Problem) {
    guard let json else { return }
    let stranger = json.members.first { found in
      !members.contains { $0.names.contains(found.name) }
    }
    guard let stranger else { return }
    let names = members.map(\.name.description).joined(separator: ", ")
    throw .invalid(prefix + stranger.name, "is not known here: \(names)")
  }
}

/// What a member of a request is called.
struct SessionMember {
  let name: StaticString
  let nameInSDK: StaticString?

  init(_ name: StaticString, _ nameInSDK: StaticString? = nil) {
    self.name = name
    self.nameInSDK = nameInSDK
  }

  var names: [String] { [name.description] + (nameInSDK.map { [$0.description] } ?? []) }
}

extension SessionMember {
  static let sessionID = SessionMember("session_id", "sessionId")
  static let user = SessionMember("user")
  static let model = SessionMember("model")
  static let sessionLimits = SessionMember("session_limits", "sessionLimits")
  static let maximum = SessionMember("max_ai_credits", "maxAiCredits")
  static let additional = SessionMember("additional_ai_credits", "additionalAiCredits")
  static let budgetID = SessionMember("budget_id", "budgetId")
  static let callID = SessionMember("call_id", "callId")
  static let agentID = SessionMember("agent_id", "agentId")
  static let estimate = SessionMember("estimate_nano_aiu", "estimateNanoAiu")
  static let usageID = SessionMember("usage_id", "usageId")
  static let input = SessionMember("input_tokens", "inputTokens")
  static let output = SessionMember("output_tokens", "outputTokens")
  static let cacheRead = SessionMember("cache_read_tokens", "cacheReadTokens")
  static let cacheWrite = SessionMember("cache_write_tokens", "cacheWriteTokens")
  static let reasoning = SessionMember("reasoning_tokens", "reasoningTokens")
  static let nanoAIU = SessionMember("nano_aiu", "nanoAiu")
  static let reservationID = SessionMember("reservation_id", "reservationId")
  static let open = SessionMember("open")
  static let members = SessionMember("members")
  static let action = SessionMember("action")
}
