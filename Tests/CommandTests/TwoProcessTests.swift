import EventLog
import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `Beside a process that writes` {
  let store: CommandStore
  let server: ServerProcess

  init() throws {
    store = try CommandStore()
    server = try store.serve()
  }

  @Test(arguments: [
    ["append", "-"], ["rebuild"], ["import", "-"], ["serve", "--listen", "127.0.0.1:0"],
  ])
  func `a second writer is refused in one sentence`(words: [String]) throws {
    let outcome = try store.run(words)
    #expect(outcome.code == 69)
    #expect(outcome.complaint.contains("in use by another process (pid \(server.identifier))"))
    #expect(outcome.complaint.split(separator: "\n").count == 1)
  }

  @Test func `the store is free as soon as that one is killed`() throws {
    server.kill()
    #expect(try store.run(["rebuild"]).code == 0)
    #expect(try store.serve().stop() == 0)
  }

  @Test func `a reader sees new limits and roles at once`() throws {
    let user = try newUser()
    let reader = Queries(try Store(at: store.path, mode: .reading))
    for limit in 1...30 as ClosedRange<Int64> {
      try spend(1, user)
      let body = #"{"daily_limit":\#(limit)}"#
      #expect(try server.exchange("PATCH", "/v1/users/\(user)/limits", body).status == 200)
      let reading = try #require(try reader.usage(of: .id(user), at: System.clock()))
      #expect(reading.limits.daily.rawValue == limit)
      #expect(reading.used.daily.rawValue == limit, "one token was spent before each change")
      let role = limit % 2 == 0 ? Role.user : .support
      let change = #"{"role":"\#(role.name)"}"#
      #expect(try server.exchange("PATCH", "/v1/users/\(user)", change).status == 200)
      #expect(try reader.user(.id(user))?.account.role == role)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a reader sees what one position explains`() throws {
    let users = try (0..<3).map { _ in try newUser() }
    let load = BackgroundLoad(server, users.map(\.description))
    let opened = try Store(at: store.path, mode: .reading)
    var round = 0
    while try opened.log.head() < Position(600) {
      let user = users[round % users.count]
      round += 1
      let reading = try #require(try Queries(opened).usage(of: .id(user), at: System.clock()))
      let expected = try spent(by: user, upTo: reading.position, opened)
      #expect(reading.used.monthly.rawValue == expected, "position \(reading.position)")
    }
    server.kill()
    load.waitForEnd()
  }

  private func newUser() throws -> UserID {
    let user = System.randomUser()
    let body = #"{"uuid":"\#(user)","name":"user \#(user.low)"}"#
    try #require(try server.exchange("POST", "/v1/users", body).status == 201)
    return user
  }

  private func spend(_ tokens: Int, _ user: UserID) throws {
    let body = #"{"id":"\#(UUID())","user":"\#(user)","tokens":\#(tokens)}"#
    try #require(try server.exchange("POST", "/v1/usage", body).status == 201)
  }

  private func spent(by user: UserID, upTo position: Position, _ store: Store) throws -> Int64 {
    var sum: Int64 = 0
    for event in try LoggedRequests.events(of: store) where event.position <= position {
      switch event.fact {
      case .tokensSpent(let spend) where spend.user == user:
        sum += spend.usage.total.rawValue
      case .holdSettled(_, let settlement) where settlement.spend.user == user:
        sum += settlement.countedTokens.rawValue
      default: break
      }
    }
    return sum
  }
}

/// Spends, holds and settlements from another thread, until the server is gone.
final class BackgroundLoad: Sendable {
  private let end = DispatchSemaphore(value: 0)

  init(_ server: ServerProcess, _ users: [String]) {
    guard let connection = try? server.connect() else { return }
    nonisolated(unsafe) let own = connection
    let end = end
    Thread.detachNewThread {
      var count = 0
      while (try? Self.step(unsafe own, users[count % users.count], count)) != nil { count += 1 }
      end.signal()
    }
  }

  func waitForEnd() { end.wait() }

  /// Two spends, and a hold that is settled at once.
  private static func step(_ connection: RawConnection, _ user: String, _ count: Int) throws {
    for half in 0..<2 {
      let body = #"{"id":"usage-\#(count)-\#(half)","user":"\#(user)","tokens":3}"#
      try connection.send("POST", "/v1/usage", body)
    }
    let body = #"{"id":"hold-\#(count)","user":"\#(user)","estimate":5}"#
    try connection.send("POST", "/v1/holds", body)
    for _ in 0..<2 { _ = try connection.response() }
    let hold = try connection.response().receipt().position
    try connection.send("POST", "/v1/holds/\(hold)/settle", #"{"tokens":4}"#)
    _ = try connection.response()
  }
}
