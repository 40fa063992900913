import EventLoop
import QuotaModel
import QuotaService
import Sessions
import Testing

@testable import CopilotRuntime

@Suite struct `News of a session's life` {
  private func start(_ id: String, of user: UserID?) throws -> Command {
    .session(
      .start(
        SessionOpening(
          id: try SessionID(id), user: user, viewer: .everybody, limit: .keep,
          whenItExists: .compare)))
  }

  private func lifecycle(_ client: StagedClient) -> [String] {
    _ = client.count(of: "")
    return client.bodies.filter { $0.contains("session.lifecycle") }.map { body in
      ["created", "updated", "deleted"].first { body.contains("session.\($0)") } ?? body
    }
  }

  @Test func `is told to those who see it, once for each change, in order`() throws {
    let stage = try RuntimeStage()
    let owner = try stage.register()
    let seeing = try [stage.client(owner), stage.client(owner), stage.client()]
    let others = try [stage.client(stage.register()), stage.client(stage.register(.staff))]
    try stage.execute(start("s", of: owner.user))
    for number in 1...3 { try stage.spend("1", in: "s", id: "\(number)") }
    try stage.turn { seeing.allSatisfy { lifecycle($0).count == 2 } }
    try stage.spend("1", in: "s", id: "last")
    try stage.execute(.session(.delete(SessionAddress(SessionID("s"), as: .everybody))))
    try stage.turn { seeing.allSatisfy { lifecycle($0).count == 4 } }
    try stage.turn(milliseconds: 250)
    for client in seeing {
      #expect(lifecycle(client) == ["created", "updated", "updated", "deleted"])
    }
    for client in others { #expect(lifecycle(client) == []) }
  }

  @Test func `follows who a client is by now`() throws {
    let stage = try RuntimeStage()
    let accounts = try [stage.register(), stage.register()]
    let client = try stage.client(accounts[0])
    _ = try client.call("connect", #"{"token":"\#(accounts[1].token.text)"}"#)
    try stage.execute(start("of-the-first", of: accounts[0].user))
    try stage.execute(start("of-the-second", of: accounts[1].user))
    #expect(client.count(of: "of-the-second") == 1 && client.count(of: "of-the-first") == 0)
  }

  /// By a clock that goes on whenever it is looked at, and what is sent in a turn.
  @Test(arguments: [1, 10])
  func `leaves time for others, however many it is for`(changes: Int) throws {
    var now: UInt64 = 1
    let stage = try RuntimeStage(
      turns: TurnClock {
        now += 100_000
        return now
      })
    let clients = try (0..<150).map { _ in try stage.client() }
    var (told, most) = (0, 0)
    let flush = stage.loop.onTurnEnd
    stage.loop.onTurnEnd = {
      flush?()
      let count = clients.reduce(0) { $0 + lifecycle($1).count }
      (most, told) = (max(most, count - told), count)
    }
    for change in 1...changes { try stage.execute(start("s\(change)", of: nil)) }
    try stage.turn { told == changes * clients.count }
    #expect(most <= 64, "so many were told in one turn")
    for client in clients { #expect(lifecycle(client).count == changes) }
  }
}
