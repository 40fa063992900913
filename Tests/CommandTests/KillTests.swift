import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A server that is killed` {
  static let roundCount = 60

  let store: CommandStore
  let users: [String]
  let seed = SeededNumbers().seed

  init() throws {
    let store = try CommandStore()
    self.store = store
    let server = try store.serve()
    users = try (0..<3).map { _ in
      let user = System.randomUser().description
      let answer = try server.exchange(
        "POST", "/v1/users", #"{"uuid":"\#(user)","name":"\#(user.dropFirst(28))"}"#)
      try #require(answer.status == 201)
      return user
    }
    #expect(server.stop() == 0)
  }

  @Test func `has everything that it acknowledged, exactly once`() throws {
    var numbers = SeededNumbers(seed: seed)
    var load = UsageLoad(users: users, seed: seed)
    for _ in 0..<Self.roundCount {
      if numbers.once(in: 4) { try killWhileStarting(&numbers) }
      let server = try store.serve()
      try load.repeatEarlier(server)
      server.kill(afterMicroseconds: numbers.number(0...40_000))
      load.run(server)
      server.waitForEnd()
    }
    let server = try store.serve()
    try load.repeatEarlier(server)
    #expect(server.stop() == 0)
    #expect(load.contradictions == [], "seed \(seed)")
    #expect(load.unanswered.isEmpty, "seed \(seed)")
    #expect(load.acknowledged.count > Self.roundCount, "the server was killed under load")
    try checkLog(load)
    #expect(try QuotalogCommand.run(["verify"], data: store.path).code == 0, "seed \(seed)")
  }

  private func killWhileStarting(_ numbers: inout SeededNumbers) throws {
    let server = try ServerProcess(of: store, isAwaited: false)
    usleep(UInt32(numbers.number(0...30_000)))
    server.kill()
  }

  /// Every acknowledged request is in the log once, where its receipt said; and nothing else is.
  private func checkLog(_ load: UsageLoad) throws {
    let opened = try Store(at: store.path, mode: .writing)
    let positions = try LoggedRequests(of: opened)
    #expect(positions.repeated == [], "seed \(seed)")
    #expect(positions.byID == load.acknowledged, "seed \(seed)")
    for user in users {
      let id = try #require(UserID(spelling: user))
      let reading = try #require(try Queries(opened).usage(of: .id(id), at: System.clock()))
      #expect(reading.account.lifetime.rawValue == positions.tokens[id] ?? 0, "seed \(seed)")
    }
  }
}
