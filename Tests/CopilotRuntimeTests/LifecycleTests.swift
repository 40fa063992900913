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

  private func delete(_ id: String) throws -> Command {
    .session(.delete(SessionAddress(try SessionID(id), as: .everybody)))
  }

  /// By a clock by which every slice is over at once, so that news gather.
  private func busyStage(_ limits: RPCLimits) throws -> RuntimeStage {
    var now: UInt64 = 1
    return try RuntimeStage(
      limits: limits,
      turns: TurnClock {
        now += 1_000_000
        return now
      })
  }

  /// How many changes a client heard of, and how many sessions were left out.
  private func counts(_ client: StagedClient) -> (told: Int, omitted: Int) {
    _ = client.count(of: "")
    let news = client.bodies.filter { $0.contains("session.lifecycle") }
    let omitted = news.compactMap { $0.firstMatch(of: /"omitted":(\d+)/).flatMap { Int($0.1) } }
    return (news.count, omitted.reduce(0, +))
  }

  @Test func `keeps few that wait, and says of how many sessions of an owner nothing is told`()
    throws
  {
    var limits = RPCLimits()
    limits.waitingNews = 4
    let stage = try busyStage(limits)
    let accounts = try [stage.register(), stage.register()]
    let clients = try [stage.client(accounts[0]), stage.client(accounts[1]), stage.client()]
    let quiet = try start("quiet", of: accounts[1].user)
    let starts = try (0..<50).map { try start("s\($0)", of: accounts[0].user) }
    try stage.execute([quiet] + starts)
    try stage.turn { clients.allSatisfy { counts($0).told > 0 } && counts(clients[0]).omitted > 0 }
    try stage.turn(milliseconds: 20)
    #expect(counts(clients[1]) == (told: 1, omitted: 0), "others' sessions leave nothing out")
    let heard = counts(clients[0])
    #expect(heard.told + heard.omitted == 50 && heard.told <= 10, "\(heard)")
    let all = counts(clients[2])
    #expect(all.told + all.omitted == 51, "\(all)")
    #expect(clients[2].count(of: "quiet") == 1)
    #expect(clients[0].bodies.contains { $0.contains(#""s49""#) }, "the latest is told")
  }

  @Test func `tells one thing of a session after the other, however long they waited`() throws {
    let stage = try busyStage(RPCLimits())
    let client = try stage.client()
    _ = try (0..<10).map { _ in try stage.client() }
    let ids = (0..<20).map { "s\($0)" }
    try stage.execute(ids.flatMap { [try start($0, of: nil), try delete($0)] })
    try stage.turn { lifecycle(client).count == 40 }
    for id in ids {
      let news = client.bodies.filter {
        $0.contains("session.lifecycle") && $0.contains("\"\(id)\"")
      }
      #expect(news.count == 2 && news[0].contains("created") && news[1].contains("deleted"))
    }
  }

  @Test func `tells at once what it cannot tell later`() throws {
    let stage = try RuntimeStage()
    let client = try stage.client()
    stage.runtime.lifecycle.runLater = { _, _ in false }
    try stage.execute(start("s", of: nil))
    for number in 1...3 {
      let before = lifecycle(client).count
      try stage.spend("1", in: "s", id: "\(number)")
      try stage.turn { lifecycle(client).count > before }
    }
    #expect(Set(lifecycle(client).dropFirst()) == ["updated"])
  }
}
