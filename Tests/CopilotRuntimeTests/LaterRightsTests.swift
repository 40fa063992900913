import EventLoop
import Foundation
import QuotaModel
import QuotaService
import Sessions
import Testing

@testable import CopilotRuntime

/// What a client was allowed when it asked says nothing about when its answer is ready, or its turn has come.
@Suite struct `Rights over an SDK that end meanwhile` {
  let stage: RuntimeStage

  init() throws { stage = try RuntimeStage() }

  private func expire() { stage.clock.advance(seconds: 3600) }

  /// A user with two tokens, the first of which ends within the hour.
  private func twoClients() throws -> (passing: StagedClient, lasting: StagedClient, UserID) {
    let account = try stage.register()
    let passing = try stage.issue(to: account.user, forSeconds: 600)
    return (try stage.client(passing), try stage.client(account), account.user)
  }

  @Test(arguments: [
    ("session.eventLog.read", #"{"sessionId":"s"}"#),
    ("session.getMessages", #"{"sessionId":"s"}"#),
    ("session.list", "{}"), ("session.getLastId", "{}"),
  ])
  func `show nothing that was still being read`(method: String, params: String) throws {
    let (passing, lasting, _) = try twoClients()
    _ = try passing.call("session.create", #"{"sessionId":"s"}"#)
    stage.passesReadingsOn = false
    let readings = try [passing, lasting].map { ($0, try $0.begin(method, params)) }
    try stage.turn(milliseconds: 20)
    expire()
    stage.passesReadingsOn = true
    #expect(try readings[0].0.outcome(of: readings[0].1).contains("AUTHENTICATION_FAILED"))
    #expect(try readings[1].0.outcome(of: readings[1].1).contains(#""result":"#))
  }

  @Test(arguments: ["session.delete", "session.destroy"])
  func `end no session that still worked`(method: String) throws {
    let account = try stage.register()
    let (one, other) = (try stage.client(account), try stage.client(account))
    _ = try one.call("session.create", #"{"sessionId":"s"}"#)
    try one.answerModelCalls()
    _ = try one.begin("session.send", #"{"sessionId":"s","prompt":"never answered"}"#)
    try stage.turn { one.count(of: "llmInference.httpRequestChunk") == 1 }
    let end = try other.begin(method, #"{"sessionId":"s"}"#)
    try stage.execute(.setRole(.id(account.user), .auditor))
    #expect(try other.outcome(of: end).contains("the role auditor may not do this"))
    #expect(try stage.session("s")?.phase == .open)
  }

  /// Has a message wait for the answer to a question, and says which.
  private func block(_ sender: StagedClient, _ owner: StagedClient, of user: UserID) throws
    -> String
  {
    try stage.execute(
      .session(
        .start(
          SessionOpening(
            id: SessionID("s"), user: user, viewer: .everybody,
            limit: .set(try #require(NanoCredits(credits: "1"))), whenItExists: .compare))))
    try stage.spend("2", in: "s")
    for client in [sender, owner] { _ = try client.call("session.resume", #"{"sessionId":"s"}"#) }
    try owner.answerModelCalls()
    _ = try owner.call(
      "session.eventLog.registerInterest",
      #"{"sessionId":"s","eventType":"session_limits_exhausted.requested"}"#)
    _ = try sender.call("session.send", #"{"sessionId":"s","prompt":"waits"}"#)
    try stage.turn { owner.count(of: "session_limits_exhausted.requested") > 0 }
    return try #require(try stage.session("s")?.request?.id.description)
  }

  private func unset(_ request: String, _ client: StagedClient) throws {
    _ = try client.call(
      "session.ui.handlePendingSessionLimitsExhausted",
      #"{"sessionId":"s","requestId":"\#(request)","response":{"action":"unset"}}"#)
  }

  @Test(arguments: [true, false])
  func `begin no call that waited for an answer`(ends: Bool) throws {
    let (passing, lasting, user) = try twoClients()
    let request = try block(passing, lasting, of: user)
    if ends { expire() }
    try unset(request, lasting)
    try stage.turn { lasting.count(of: "session.idle") == 1 || lasting.wasAskedForModel }
    #expect(lasting.wasAskedForModel == !ends)
  }

  /// Also where the sender has left, and nobody who is connected loses anything.
  @Test(arguments: [true, false])
  func `begin no turn of a message that waited`(ends: Bool) throws {
    let (passing, lasting, user) = try twoClients()
    let request = try block(lasting, lasting, of: user)
    _ = try passing.call("session.resume", #"{"sessionId":"s"}"#)
    _ = try passing.call("session.send", #"{"sessionId":"s","prompt":"waits behind it"}"#)
    passing.leave()
    if ends { expire() }
    _ = try lasting.call(
      "session.ui.handlePendingSessionLimitsExhausted",
      #"{"sessionId":"s","requestId":"\#(request)","response":{"action":"cancel"}}"#)
    try stage.turn { lasting.count(of: ends ? "session.idle" : "waits behind it") == 1 }
    try stage.turn(milliseconds: 20)
    #expect(lasting.count(of: "waits behind it") == (ends ? 0 : 1))
  }

  @Test func `give up a message whose sender has left`() throws {
    let (passing, lasting, user) = try twoClients()
    _ = try block(lasting, lasting, of: user)
    _ = try passing.call("session.resume", #"{"sessionId":"s"}"#)
    _ = try passing.call("session.send", #"{"sessionId":"s","prompt":"waits behind it"}"#)
    passing.leave()
    try stage.turn { stage.runtime.clientCount == 1 }
    expire()
    stage.runtime.endForbidden()
    // Who asks again is another one: the first question went with its message.
    stage.clock.advance(seconds: -3600)
    _ = try lasting.call("session.abort", #"{"sessionId":"s"}"#)
    try stage.turn { lasting.count(of: "session.idle") == 1 }
    try stage.turn(milliseconds: 20)
    #expect(lasting.count(of: "waits behind it") == 0)
  }

  @Test(arguments: [true, false])
  func `show no prompt to a handler that took its time`(ends: Bool) throws {
    let (passing, lasting, _) = try twoClients()
    _ = try lasting.call("session.create", #"{"sessionId":"s"}"#)
    _ = try passing.call("session.resume", #"{"sessionId":"s"}"#)
    _ = try passing.call("llmInference.setProvider", "{}")
    let send = try lasting.begin("session.sendAndWait", #"{"sessionId":"s","prompt":"secret"}"#)
    try stage.turn { passing.request("llmInference.httpRequestStart") != nil }
    if ends { expire() }
    try passing.respond(to: try #require(passing.request("llmInference.httpRequestStart")))
    try stage.turn {
      ends ? lasting.answer(send) != nil : passing.count(of: "llmInference.httpRequestChunk") == 1
    }
    #expect(passing.count(of: "llmInference.httpRequestChunk") == (ends ? 0 : 1))
  }

  /// By a clock by which every slice is over at once.
  @Test func `are asked for in slices, and gone at once`() throws {
    var now: UInt64 = 1
    let stage = try RuntimeStage(
      turns: TurnClock {
        now += 1_000_000
        return now
      })
    let (account, local) = (try stage.register(), try stage.client())
    let clients = try (0..<100).map { _ in try stage.client(account) }
    _ = try clients[0].call("session.create", #"{"sessionId":"s"}"#)
    for client in clients.suffix(10) + [local] {
      _ = try client.call("session.resume", #"{"sessionId":"s"}"#)
    }
    let flush = stage.loop.onTurnEnd
    var (before, most) = (stage.runtime.clientCount, 0)
    stage.loop.onTurnEnd = {
      flush?()
      most = max(most, before - stage.runtime.clientCount)
      before = stage.runtime.clientCount
    }
    var usage = CallUsage(id: try StepID("late"))
    usage.cost = NanoCredits(credits: "1")
    let address = SessionAddress(try SessionID("s"), as: .everybody)
    try stage.execute([
      .setActive(.id(account.user), false), .session(.recordUsage(address, usage)),
    ])
    try stage.turn { stage.runtime.clientCount == 1 }
    #expect(most <= 64, "so many were ended in one turn")
    for client in clients {
      #expect(client.isClosed && client.count(of: "assistant.usage") == 0)
    }
    #expect(local.count(of: "assistant.usage") == 1 && !local.isClosed)
  }

  /// The sender's client is still there: somebody who may only read any more is told why.
  private func refusal(_ client: StagedClient, _ call: Int) throws -> Bool {
    try client.outcome(of: call).contains("your rights changed while this waited")
  }

  @Test func `record no message that comes behind it in one commit`() throws {
    let (account, local) = (try stage.register(), try stage.client())
    let client = try stage.client(account)
    _ = try client.call("session.create", #"{"sessionId":"s"}"#)
    _ = try local.call("session.resume", #"{"sessionId":"s"}"#)
    try client.answerModelCalls()
    stage.begin(.setRole(.id(account.user), .auditor))
    let send = try client.begin("session.sendAndWait", #"{"sessionId":"s","prompt":"late"}"#)
    #expect(try refusal(client, send))
    #expect(local.count(of: "user.message") == 0)
  }

  @Test func `let no call in that comes behind it in one commit`() throws {
    let (account, local) = (try stage.register(), try stage.client())
    let client = try stage.client(account)
    _ = try client.call("session.create", #"{"sessionId":"s"}"#)
    _ = try local.call("session.resume", #"{"sessionId":"s"}"#)
    try client.answerModelCalls()
    stage.hub.onNews.append { [stage] news in
      guard case .messageReceived = news.fact else { return }
      stage.begin(.setRole(.id(account.user), .auditor))
    }
    let send = try client.begin("session.sendAndWait", #"{"sessionId":"s","prompt":"late"}"#)
    #expect(try refusal(client, send))
    #expect(local.count(of: "user.message") == 1 && local.count(of: "assistant.turn_start") == 0)
    #expect(!client.wasAskedForModel)
  }

  /// The model's address, and the key, of somebody who may not change the session any more.
  @Test(arguments: ["session.resume", "session.create", "session.options.update"])
  func `take no provider that comes behind it in one commit`(method: String) throws {
    let (account, local) = (try stage.register(), try stage.client())
    let client = try stage.client(account)
    _ = try client.call("session.create", #"{"sessionId":"s"}"#)
    _ = try local.call("session.resume", #"{"sessionId":"s"}"#)
    let provider =
      #""provider":{"type":"openai","baseUrl":"https://models.example/v1","apiKey":"k"}"#
    let params = #"{"sessionId":"s","model":"m","sessionLimits":{"maxAiCredits":50},\#(provider)}"#
    stage.begin(.setRole(.id(account.user), .auditor))
    let call = try client.begin(method, params)
    #expect(try refusal(client, call))
    let ref = try #require(try stage.session("s")?.ref)
    let engine = try #require(stage.runtime.engine(ref))
    #expect(engine.provider == nil)
    _ = try local.call(method, params)
    #expect((engine.provider == nil) == (method == "session.options.update"))
  }

  @Test func `are said to have changed before what happened, and that before answers`() throws {
    let account = try stage.register()
    var order: [String] = []
    stage.hub.onRightsChanged.append { order.append("rights") }
    stage.hub.onNews.append { _ in order.append("news") }
    stage.begin(
      .session(
        .start(
          SessionOpening(
            id: try SessionID("s"), user: nil, viewer: .everybody, limit: .keep,
            whenItExists: .compare)))
    ) { _ in order.append("answer") }
    stage.begin(.setActive(.id(account.user), false)) { _ in order.append("answer") }
    try stage.turn { order.count == 4 }
    #expect(order == ["rights", "news", "answer", "answer"])
  }
}
