import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A comparison of generations` {
  @Test func `finds nothing where every event was folded as it is`() throws {
    #expect(try WrongGeneration(spendCount: 20) { $0 }.difference() == nil)
  }

  /// The calendar comes first in a log that names one; here the users do, at positions 1 and 2.
  @Test func `names the account, both values and the event that was counted wrongly`() throws {
    let wrong = try WrongGeneration(spendCount: 20) { event in
      event.position == Position(2 * 20 + 1) ? event.spending(0) : event
    }
    let difference = try #require(try wrong.difference())
    #expect(difference.user == wrong.users.0)
    #expect(difference.name?.description == "mia")
    let lifetime = try #require(difference.fields.first { $0.name == "spent in all" })
    #expect((lifetime.left, lifetime.right) == ("210", "190"))
    // Without its last spend the account is what it was before it.
    #expect(difference.parting?.position == Position(41))
    #expect(
      difference.parting
        == .behind(last: Position(39), next: Position(41), wrong: .generation(2)))
  }

  @Test func `names the first event that only one of two histories has`() throws {
    var users: (UserID, UserID)?
    let wrong = try WrongGeneration(spendCount: 20) { event in
      if case .userRegistered(let user, _) = event.fact {
        users = users.map { ($0.0, user) } ?? (user, user)
      }
      guard event.position == Position(13), let users else { return event }
      return event.spending(by: users.1)
    }
    let difference = try #require(try wrong.difference())
    #expect(difference.parting == .at(Position(13)))
    #expect([wrong.users.0, wrong.users.1].contains(difference.user))
  }

  @Test func `says that no prefix of the history gives a value that never was`() throws {
    let wrong = try WrongGeneration(spendCount: 20) { event in
      event.position == Position(11) ? event.spending(1_000_000) : event
    }
    let difference = try #require(try wrong.difference())
    #expect(difference.user == wrong.users.0)
    #expect(difference.parting == .nowhere(eventCount: 21, wrong: .generation(2)))
  }

  @Test func `leaves nothing behind`() throws {
    let wrong = try WrongGeneration(spendCount: 5) { event in
      event.position == Position(5) ? event.spending(9) : event
    }
    _ = try wrong.difference()
    let store = try ProjectionStore(ofStoreAt: wrong.path)
    #expect(try store.list().map(\.number) == [1, 2])
    #expect(try store.list().map(\.condition) == [.complete, .complete])
  }
}

extension Event {
  /// The same event with another amount, or another spender.
  fileprivate func spending(_ tokens: Int64? = nil, by user: UserID? = nil) -> Event {
    guard case .tokensSpent(let spend) = fact else { return self }
    var event = self
    event.fact = .tokensSpent(
      Spend(
        user: user ?? spend.user,
        usage: tokens.map { TokenUsage(total: TokenCount($0) ?? .zero) } ?? spend.usage))
    return event
  }
}
