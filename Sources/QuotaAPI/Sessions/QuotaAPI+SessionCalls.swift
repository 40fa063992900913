internal import EventJSON
internal import HTTPServer
internal import JSON
internal import QuotaModel
internal import QuotaService
internal import Sessions

/// Model calls that somebody else makes, and what to do when the cap is reached.
extension QuotaAPI {
  /// When to ask again while calls under way may use up the rest.
  private static let retryMilliseconds = 500

  /// `POST /v1/sessions/{id}/check`
  func checkCall(in id: String, _ call: SessionCall) throws(Problem) -> HTTPResponse? {
    let body = try sessionBody(call.request, isOptional: true)
    // Who makes the call is not part of the decision, but what is wrong should not be overlooked.
    _ = try body.bounded(.agentID, StepID.init(_:))
    let stated = try body.bounded(.callID, StepID.init(_:))
    let key = try call.idempotencyKey()
    let model = try body.bounded(.model, ModelName.init)
    let request = CallRequest(
      call: stated ?? key ?? Self.newCall(),
      estimate: try body.nanoCredits(.estimate), fallback: sessionSettings.fallbackReservation,
      timeToLiveSeconds: sessionSettings.reservationSeconds, model: model,
      isUnpriced: model.map { sessionSettings.prices[$0] == nil } ?? false,
      refusesUnpriced: sessionSettings.refusesUnknownCost, turn: nil)
    submit(.admit(try call.address(id), request), call) { answer in
      guard let result = answer.ofSession?.result else { return .unexpectedInSession }
      return .verdict(result, retryMilliseconds: Self.retryMilliseconds)
    }
    return nil
  }

  private static func newCall() -> StepID {
    guard let call = try? StepID(System.randomEntry().description) else {
      preconditionFailure("A UUID is a call's id.")
    }
    return call
  }

  /// `POST /v1/sessions/{id}/usage`
  func recordUsage(of id: String, _ call: SessionCall) throws(Problem) -> HTTPResponse? {
    let body = try sessionBody(call.request)
    guard let usageID = try body.bounded(.usageID, StepID.init(_:)) else {
      throw .invalid("usage_id", "is required: it makes retries safe")
    }
    var usage = CallUsage(id: usageID, call: try body.bounded(.reservationID, StepID.init(_:)))
    usage.tokens = try body.usedTokens()
    usage.model = try body.bounded(.model, ModelName.init)
    usage.cost = try body.nanoCredits(.nanoAIU)
    usage.price = usage.model.flatMap { sessionSettings.prices[$0] }
    usage.agent = try body.bounded(.agentID, StepID.init(_:))
    submit(.recordUsage(try call.address(id), usage), call) { answer in
      guard let answer = answer.ofSession,
        case .recorded(let cost, let isDuplicate) = answer.result
      else { return .unexpectedInSession }
      return .json(200) { json in
        json.beginObject()
        json.member("usage_id", usageID.description)
        json.member("nano_aiu", optional: cost.amount?.rawValue)
        json.member("ai_credits_status", cost.status.rawValue)
        json.member("duplicate", isDuplicate)
        json.name("session")
        json.session(answer.session)
        json.endObject()
      }
    }
    return nil
  }

  /// `POST /v1/sessions/{id}/exhaustions/{request_id}`
  func answer(
    _ question: String, in id: String, _ call: SessionCall
  ) throws(Problem) -> HTTPResponse? {
    let body = try sessionBody(call.request)
    let answer = try body.exhaustionAnswer(atLeast: sessionSettings.minimumLimit)
    let command = SessionCommand.answer(try call.address(id), request: question, answer)
    return try submitOnce(command, call) { answer in
      guard let answer = answer.ofSession else { return .unexpectedInSession }
      let isTooLate = answer.result == .tooLate
      return .json(isTooLate ? 409 : 200) { json in
        json.beginObject()
        json.member("success", !isTooLate)
        if !isTooLate {
          json.name("session")
          json.session(answer.session)
        }
        json.endObject()
      }
    }
  }
}

extension SessionBody {
  /// What the call used; nil where nobody says.
  fileprivate func usedTokens() throws(Problem) -> TokenUsage? {
    let input = try tokens(.input)
    let output = try tokens(.output)
    let cacheRead = try tokens(.cacheRead)
    let cacheWrite = try tokens(.cacheWrite)
    let reasoning = try tokens(.reasoning)
    let parts = [input, output, cacheRead, cacheWrite, reasoning].compactMap(\.self)
    guard !parts.isEmpty else { return nil }
    // Parts of an input and output that nobody states are all that is known of them.
    let isWhole = input != nil || output != nil
    let total: TokenCount? =
      isWhole ? nil : parts.reduce(.zero) { $0.adding($1) ?? .maximum }
    do throws(TokenUsageRule) {
      return try TokenUsage(
        total: total, input: input, output: output, cacheRead: cacheRead, cacheWrite: cacheWrite,
        reasoning: reasoning
      ).reported()
    } catch {
      throw Problem(400, "invalid", error.description, member: error.memberOfUsage)
    }
  }

  /// What is to be done; amounts that do not belong to the action are ignored (contract
  /// session-limits, 2.1).
  fileprivate func exhaustionAnswer(
    atLeast minimum: NanoCredits
  ) throws(Problem) -> ExhaustionAnswer {
    switch try text(.action) {
    case "add":
      guard let amount = try credits(.additional) else {
        throw .invalid("additional_ai_credits", "is required by the action add")
      }
      return .add(amount)
    case "set":
      guard let limit = try credits(.maximum) else {
        throw .invalid("max_ai_credits", "is required by the action set")
      }
      if limit < minimum { throw .belowMinimum(minimum, "max_ai_credits") }
      return .set(limit)
    case "unset": return .unset
    case "cancel": return .cancel
    default: throw .invalid("action", "must be one of add, set, unset, cancel")
    }
  }
}

extension TokenUsageRule {
  fileprivate var memberOfUsage: String {
    switch self {
    case .missing, .sumDiffers, .overflow, .tooLarge: "input_tokens"
    case .partTooLarge(let member): member
    }
  }
}

extension CallCost {
  fileprivate var status: CreditsStatus { self == .unavailable ? .unavailable : .complete }
}

extension HTTPResponse {
  /// Whether the call may start, and why not (contract session-limits, sections 6 and 8.1).
  fileprivate static func verdict(
    _ result: SessionResult, retryMilliseconds: Int
  ) -> HTTPResponse {
    switch result {
    case .admitted(let call, turn: _):
      return .json(200) { json in
        json.beginObject()
        json.member("allowed", true)
        json.member("reservation_id", call.description)
        json.endObject()
      }
    case .exhausted(let request, isNew: _):
      return refusal("session_limits_exhausted") { $0.figures(of: request) }
    case .mustWait:
      return refusal("reserved") { $0.member("retry_after_ms", retryMilliseconds) }
    case .quotaExhausted(let violations):
      return refusal("user_quota_exhausted") { $0.objects("violations", violations) }
    case .unpriced: return refusal("unknown_cost") { _ in }
    case .done, .unchanged, .existed, .dropped, .recorded, .tooLate:
      return .unexpectedInSession
    }
  }

  private static func refusal(
    _ reason: String, _ write: (inout JSONWriter) -> Void
  ) -> HTTPResponse {
    .json(200) { json in
      json.beginObject()
      json.member("allowed", false)
      json.member("reason", reason)
      write(&json)
      json.endObject()
    }
  }
}
