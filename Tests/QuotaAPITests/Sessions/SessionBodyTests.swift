import HTTPServer
import QuotaModel
import QuotaService
import Sessions
import Testing

@Suite struct `The body of a request about a session` {
  /// A body and what is wrong with it.
  struct Fault: Sendable, CustomTestStringConvertible {
    let path: String
    let body: String
    let message: String

    init(_ path: String, _ body: String, _ message: String) {
      self.path = path
      self.body = body
      self.message = message
    }

    var testDescription: String { "\(path) \(body)" }
    var method: HTTPMethod {
      path.hasPrefix("/v1/budgets") ? .put : path == "/v1/sessions/s1" ? .patch : .post
    }
  }

  private static let number = "must be a number from 0.000000001 to 9223372036.854775807"
  private static let integer = "must be an integer from 0 to 9223372036854775807"
  private static let maximum = "session_limits.max_ai_credits"
  private static let answers = "/v1/sessions/s1/exhaustions/r1"
  private static let usage = "/v1/sessions/s1/usage"

  static let caps = ["/v1/sessions", "/v1/sessions/s1", "/v1/sessions/s1/resume"]
  static let capFaults = [
    (#"{"session_limits":{"max_ai_credits":"5"}}"#, "\(maximum) must be a number"),
    (#"{"session_limits":{"max_ai_credits":true}}"#, "\(maximum) must be a number"),
    (#"{"session_limits":{"max_ai_credits":[5]}}"#, "\(maximum) must be a number"),
    (#"{"session_limits":{"max_ai_credits":0}}"#, "\(maximum) must be at least 0.000000001"),
    (#"{"session_limits":{"max_ai_credits":-0.0}}"#, "\(maximum) must be at least 0.000000001"),
    (#"{"session_limits":{"max_ai_credits":4e-10}}"#, "\(maximum) must be at least 0.000000001"),
    (#"{"session_limits":{"max_ai_credits":-1}}"#, "\(maximum) \(number)"),
    (#"{"session_limits":{"max_ai_credits":9223372036.8547758075}}"#, "\(maximum) \(number)"),
    (#"{"session_limits":{"max_ai_credits":1e300}}"#, "\(maximum) \(number)"),
    (
      #"{"session_limits":{"max_ai_credits":1.999999999}}"#,
      "Minimum session limit is 2 AI credits."
    ),
    (#"{"sessionLimits":{"maxAiCredits":1}}"#, "Minimum session limit is 2 AI credits."),
    (#"{"session_limits":5}"#, "session_limits must be an object or null"),
    (#"{"session_limits":[]}"#, "session_limits must be an object or null"),
    (#"{"session_limits":false}"#, "session_limits must be an object or null"),
    (
      #"{"session_limits":{"max_credits":5}}"#,
      "session_limits.max_credits is not known here: max_ai_credits"
    ),
    (
      #"{"session_limits":{"max_ai_credits":5},"sessionLimits":{"maxAiCredits":6}}"#,
      "sessionLimits contradicts session_limits"
    ),
    (
      #"{"session_limits":null,"sessionLimits":{"maxAiCredits":6}}"#,
      "sessionLimits contradicts session_limits"
    ),
    (
      #"{"session_limits":{"max_ai_credits":5,"maxAiCredits":6}}"#,
      "session_limits.maxAiCredits contradicts session_limits.max_ai_credits"
    ),
    (
      #"{"session_limits":{"max_ai_credits":null,"maxAiCredits":6}}"#,
      "session_limits.maxAiCredits contradicts session_limits.max_ai_credits"
    ),
  ]

  static let faults = [
    Fault("/v1/sessions", #"{"session_id":""}"#, nameRule("session_id")),
    Fault("/v1/sessions", #"{"session_id":".a"}"#, nameRule("session_id")),
    Fault("/v1/sessions", #"{"sessionId":"a/b"}"#, nameRule("sessionId")),
    Fault("/v1/sessions", #"{"session_id":5}"#, "session_id must be a string"),
    Fault(
      "/v1/sessions", #"{"session_id":"a","sessionId":"b"}"#,
      "sessionId contradicts session_id"),
    Fault("/v1/sessions", #"{"budget_id":""}"#, nameRule("budget_id")),
    Fault(
      "/v1/sessions", #"{"session_limit":{}}"#,
      "session_limit is not known here: session_id, user, session_limits, budget_id, model"),
    Fault(
      "/v1/sessions/s1", #"{"sesion_limits":null}"#,
      "sesion_limits is not known here: session_limits"),
    Fault("/v1/sessions/s1", "[]", "the body must be a JSON object"),
    Fault("/v1/sessions/s1", "null", "the body must be a JSON object"),
    Fault(answers, "{}", "action must be one of add, set, unset, cancel"),
    Fault(
      answers, #"{"action":"Add","additional_ai_credits":5}"#,
      "action must be one of add, set, unset, cancel"),
    Fault(answers, #"{"action":7}"#, "action must be a string"),
    Fault(answers, #"{"action":"add"}"#, "additional_ai_credits is required by the action add"),
    Fault(
      answers, #"{"action":"add","max_ai_credits":5}"#,
      "additional_ai_credits is required by the action add"),
    Fault(
      answers, #"{"action":"add","additionalAiCredits":"5"}"#,
      "additionalAiCredits must be a number"),
    Fault(
      answers, #"{"action":"add","additional_ai_credits":0}"#,
      "additional_ai_credits must be at least 0.000000001"),
    Fault(
      answers, #"{"action":"add","additional_ai_credits":1,"additionalAiCredits":2}"#,
      "additionalAiCredits contradicts additional_ai_credits"),
    Fault(
      answers, #"{"action":"set","additional_ai_credits":5}"#,
      "max_ai_credits is required by the action set"),
    Fault(answers, #"{"action":"set","max_ai_credits":-5}"#, "max_ai_credits \(number)"),
    Fault(
      answers, #"{"action":"set","max_ai_credits":1.5}"#,
      "Minimum session limit is 2 AI credits."),
    Fault(usage, "{}", "usage_id is required: it makes retries safe"),
    Fault(usage, #"{"usage_id":""}"#, "usage_id must not be empty"),
    Fault(usage, #"{"usage_id":"u","input_tokens":-1}"#, "input_tokens \(integer)"),
    Fault(usage, #"{"usage_id":"u","output_tokens":1.5}"#, "output_tokens \(integer)"),
    Fault(usage, #"{"usage_id":"u","nano_aiu":-1}"#, "nano_aiu \(integer)"),
    Fault(usage, #"{"usage_id":"u","nanoAiu":"1"}"#, "nanoAiu \(integer)"),
    Fault(usage, #"{"usage_id":"u","nano_aiu":1,"nanoAiu":2}"#, "nanoAiu contradicts nano_aiu"),
    Fault(
      usage, #"{"usage_id":"u","input_tokens":4,"cache_read_tokens":5}"#,
      "cache_read_tokens is a part of the input and cannot exceed it"),
    Fault("/v1/sessions/s1/check", #"{"estimate_nano_aiu":true}"#, "estimate_nano_aiu \(integer)"),
    Fault(
      "/v1/sessions/s1/check", #"{"call_id":"\u0000"}"#,
      "call_id must not contain control characters"),
    Fault("/v1/budgets/b1", "{}", "max_ai_credits is required"),
    Fault("/v1/budgets/b1", #"{"max_ai_credits":null}"#, "max_ai_credits is required"),
    Fault(
      "/v1/budgets/b1", #"{"max_ai_credits":0}"#, "max_ai_credits must be at least 0.000000001"),
    Fault("/v1/budgets/-b", #"{"max_ai_credits":1}"#, nameRule("budget_id")),
  ]

  private static func nameRule(_ member: String) -> String {
    "\(member) must begin with a letter or digit and have at most 128 letters, digits, '.', '_', '-'"
  }

  static let good = [
    ("/v1/sessions", "{}"), ("/v1/sessions", ""),
    ("/v1/sessions", #"{"session_id":"a","sessionId":"a","session_limits":{"max_ai_credits":2}}"#),
    ("/v1/sessions", #"{"session_limits":{},"sessionLimits":null,"model":"m"}"#),
    ("/v1/sessions", #"{"session_limits":{"max_ai_credits":1e9,"maxAiCredits":1000000000.0}}"#),
    ("/v1/sessions/s1", "{}"), ("/v1/sessions/s1/resume", ""),
    ("/v1/sessions/s1/check", ""), ("/v1/sessions/s1/check", #"{"agent_id":"a"}"#),
    ("/v1/sessions/s1/clear", ""), (answers, #"{"action":"cancel","max_ai_credits":"many"}"#),
    (answers, #"{"action":"unset","additional_ai_credits":-1}"#),
    (answers, #"{"action":"add","additional_ai_credits":0.5,"max_ai_credits":null}"#),
    (usage, #"{"usage_id":"u"}"#), (usage, #"{"usageId":"u","cacheReadTokens":5,"other":1}"#),
  ]

  let api: APIWithoutSocket

  init() throws {
    var settings = SessionSettings()
    settings.minimumLimit = try #require(NanoCredits(credits: "2"))
    api = try APIWithoutSocket(settings)
    try api.execute(.session(.start(.named("s1"))))
  }

  @Test(arguments: caps, capFaults)
  func `is refused for a bad cap, with the member and the rule`(
    path: String, fault: (body: String, message: String)
  ) {
    expect(Fault(path, fault.body, fault.message))
  }

  @Test(arguments: faults)
  func `is refused for what is wrong, with the member and the rule`(fault: Fault) {
    expect(fault)
  }

  @Test(arguments: good)
  func `is taken in either spelling`(path: String, body: String) {
    let method: HTTPMethod = path == "/v1/sessions/s1" ? .patch : .post
    #expect(api.ask(method, path, as: .service, body: body).status == 202)
  }

  @Test func `must be JSON`() {
    let answer = api.ask(.patch, "/v1/sessions/s1", as: .staff, body: "{")
    #expect(answer.status == 400)
    #expect(
      answer.body.hasPrefix(#"{"error":{"code":"not_json","message":"the body is not JSON: "#))
  }

  private func expect(_ fault: Fault) {
    let answer = api.ask(fault.method, fault.path, as: .staff, body: fault.body)
    #expect(answer.status == 400)
    #expect(answer.body == #"{"error":{"code":"invalid","message":"\#(fault.message)"}}"#)
  }
}
