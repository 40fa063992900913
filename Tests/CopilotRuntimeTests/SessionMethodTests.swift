import JSON
import QuotaModel
import QuotaService
import Sessions
import Testing

@testable import CopilotRuntime

@Suite struct `Options without effect` {
  @Test(arguments: ["", "responseFormat."])
  func `are looked at no further than a session tells of`(prefix: String) throws {
    let members = (0..<1000).map { #""option\#($0)":1"# }.joined(separator: ",")
    let json = try JSONParser().parse(Array("{\(members)}".utf8))
    let most = Session.maximumIgnoredOptionCount
    #expect(IgnoredOptions.ofMessage(Parameters(json)).count == most)
    #expect(IgnoredOptions.ofUpdate(Parameters(json)).count == most)
    let nested = try JSONParser().parse(
      Array(#"{"provider":{\#(members)},"systemMessage":{\#(members)},\#(members)}"#.utf8))
    #expect(IgnoredOptions.ofSession(Parameters(nested)).count == 3 * most)
  }

  let stage: RuntimeStage
  let client: StagedClient

  init() throws {
    stage = try RuntimeStage()
    client = try stage.client(stage.register())
    _ = try client.call("session.create", #"{"sessionId":"s"}"#)
  }

  private func ignored() throws -> [String] {
    try stage.session("s")?.ignoredOptions.map(\.description) ?? []
  }

  /// All that is wrong with a message.
  @Test(arguments: [
    #""prompt":"""#, #""prompt":5"#, #""prompt":"x","attachments":5"#,
    #""prompt":"x","requestHeaders":5"#, #""prompt":"x","requestHeaders":{"a":"b\nc"}"#,
  ])
  func `of a message that is refused are not told`(members: String) throws {
    for method in ["session.send", "session.sendAndWait"] {
      let params = #"{"sessionId":"s",\#(members),"optionOfTheFuture":1}"#
      let id = try client.begin(method, params)
      #expect(try client.outcome(of: id).contains(#""error":"#))
    }
    // Behind whatever they may have caused.
    try stage.execute(.setActive(.id(System.randomUser()), true), mayFail: true)
    #expect(try ignored() == [])
  }

  @Test func `of a message for which there is no room are not told`() throws {
    try client.answerModelCalls()
    let send = #"{"sessionId":"s","prompt":"x"}"#
    let ids = try (0...1000).map { _ in try client.begin("session.send", send) }
    #expect(try client.outcome(of: try #require(ids.last)).contains("messageId"))
    let more = #"{"sessionId":"s","prompt":"x","optionOfTheFuture":1}"#
    #expect(
      try client.outcome(of: client.begin("session.send", more)).contains("too many messages"))
    try stage.execute(.setActive(.id(System.randomUser()), true), mayFail: true)
    #expect(try ignored() == [])
  }

  /// It is known by then that the request was taken.
  @Test func `are told behind what had an effect`() throws {
    let update = #"{"sessionId":"s","sessionLimits":{"maxAiCredits":5},"optionOfTheFuture":1}"#
    _ = try client.call("session.options.update", update)
    try stage.turn { client.count(of: "session.warning") == 1 }
    let events = client.bodies.filter { $0.contains("session.event") }.suffix(2)
    #expect(events.first?.contains("session.session_limits_changed") == true, "\(events)")
    #expect(events.last?.contains("optionOfTheFuture") == true, "\(events)")
  }

  @Test(arguments: [
    ("session.options.update", #""model":"m""#), ("session.options.update", #""streaming":true"#),
    ("session.model.switchTo", #""modelId":"m""#),
  ])
  func `are told by every method that takes some`(method: String, members: String) throws {
    _ = try client.call(method, #"{"sessionId":"s",\#(members),"optionOfTheFuture":1}"#)
    try stage.turn { client.count(of: "session.warning") == 1 }
    #expect(try ignored() == ["optionOfTheFuture"])
  }
}

@Suite struct `A long poll for a session's events` {
  let stage: RuntimeStage
  let client: StagedClient

  init() throws {
    stage = try RuntimeStage()
    client = try stage.client(stage.register())
    for id in ["s", "other"] { _ = try client.call("session.create", #"{"sessionId":"\#(id)"}"#) }
  }

  /// Asks for what comes behind all that there is; the answer to the reading itself is held back.
  private func begin() throws -> Int {
    let tail = try client.call("session.eventLog.tail", #"{"sessionId":"s"}"#)
    let cursor = tail.split(separator: #""cursor":""#)[1].prefix { $0 != "\"" }
    stage.passesReadingsOn = false
    let id = try client.begin(
      "session.eventLog.read",
      #"{"sessionId":"s","cursor":"\#(cursor)","includeEphemeral":true,"waitMs":30000}"#)
    try stage.turn(milliseconds: 20)
    return id
  }

  @Test(arguments: [true, false])
  func `waits while others are busy`(isStillReading: Bool) throws {
    let id = try begin()
    if isStillReading { try stage.spend("1", in: "other") }
    stage.passesReadingsOn = true
    try stage.turn(milliseconds: 20)
    try stage.spend("1", in: "other", id: "again")
    try stage.turn(milliseconds: 20)
    #expect(client.answer(id) == nil)
    try stage.spend("1", in: "s")
    #expect(try client.outcome(of: id).contains("assistant.usage"))
  }

  @Test func `ends with what happens while it still reads`() throws {
    let id = try begin()
    try stage.spend("1", in: "s")
    stage.passesReadingsOn = true
    #expect(try client.outcome(of: id).contains("assistant.usage"))
  }
}

@Suite struct `Whoever may only read any more` {
  let stage: RuntimeStage
  let account: RuntimeStage.Account
  let client: StagedClient

  init() throws {
    stage = try RuntimeStage()
    account = try stage.register()
    client = try stage.client(account)
    _ = try client.call("session.create", #"{"sessionId":"s"}"#)
  }

  private func lower() throws { try stage.execute(.setRole(.id(account.user), .auditor)) }

  private static let send = #"{"sessionId":"s","prompt":"hello"}"#

  @Test func `has no message begun`() throws {
    try client.answerModelCalls()
    let first = try client.begin("session.sendAndWait", Self.send)
    try stage.turn { client.wasAskedForModel }
    let second = try client.begin("session.sendAndWait", Self.send)
    try stage.turn(milliseconds: 20)
    try lower()
    #expect(try client.outcome(of: second).contains("the sender may do nothing any more"))
    #expect(
      try client.outcome(of: first).contains("The request handler may answer nothing any more."))
    #expect(client.count(of: "llmInference.httpRequestStart") == 1)
    #expect(
      !client.isClosed && client.count(of: "assistant.usage") == 1,
      "it hears, and what was sent counts")
  }

  @Test func `is waited for by nobody`() throws {
    _ = try client.call(
      "session.eventLog.registerInterest",
      #"{"sessionId":"s","eventType":"session_limits_exhausted.requested"}"#)
    let ref = try #require(try stage.session("s")?.ref)
    #expect(stage.hub.hasInterest(ref))
    try lower()
    #expect(!stage.hub.hasInterest(ref) && !client.isClosed)
  }

  @Test func `is asked for no model`() throws {
    _ = try client.call("llmInference.setProvider", "{}")
    let owner = try stage.client()
    _ = try owner.call("session.resume", #"{"sessionId":"s"}"#)
    try lower()
    let answer = try owner.outcome(of: owner.begin("session.sendAndWait", Self.send))
    #expect(answer.contains("No model provider"))
    #expect(!client.wasAskedForModel)
  }
}
