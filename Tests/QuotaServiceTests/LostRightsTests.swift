import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Synchronization
import Testing

/// Commands that were let in, and whose author loses a right before they are decided.
@Suite struct `A right that is lost while commands wait` {
  let directory: TemporaryDirectory
  let committer: Committer
  let seen = Seen()
  let author = System.randomUser()
  let other = System.randomUser()
  let token = NewToken()

  init() throws {
    directory = try TemporaryDirectory()
    let path = directory.path + "/store"
    try Store.create(at: path, clock: System.clock)
    committer = try Committer(
      store: try Store(at: path, mode: .writing),
      onRightsChanged: { [seen] in seen.note($0) },
      deliver: { [seen] in seen.put($0) })
    let people = [author, other].map {
      Command.register(Registration(user: $0, name: nil, role: .service))
    }
    let issue = Command.issueToken(.id(author), token, expiresAt: nil)
    #expect(failures((people + [issue]).map { ticket($0, by: .operator) }).isEmpty)
  }

  enum Loss: CaseIterable {
    case deactivated, lowered, erased, revoked

    func command(_ user: UserID, _ token: NewToken) -> Command {
      switch self {
      case .deactivated: .setActive(.id(user), false)
      case .lowered: .setRole(.id(user), .auditor)
      case .erased: .erase(.id(user))
      case .revoked: .revokeToken(token.id, of: .id(user))
      }
    }
  }

  @Test(arguments: Loss.allCases)
  func `refuses those behind it, in the same commit and in later ones`(loss: Loss) {
    let known = seen.rights
    let lost = ticket(loss.command(author, token), by: .operator)
    let before = spend(by: author, knowing: known)
    let behind = [
      spend(by: author, knowing: known), spend(by: other, knowing: known),
      spend(by: author, knowing: .settled),
    ]
    #expect(failures([before, lost] + behind) == [2])
    #expect(failures(behind) == [0])
    #expect(known < seen.rights)
    committer.stop()
  }

  @Test func `refuses nobody who was asked since, and nobody who was given a right`() {
    let known = seen.rights
    let given = [
      Command.setActive(.id(author), true), .issueToken(.id(author), NewToken(), expiresAt: nil),
      .setRole(.id(author), .staff),
    ]
    #expect(
      failures(given.map { ticket($0, by: .operator) } + [spend(by: author, knowing: known)])
        .isEmpty)
    #expect(failures([ticket(.revokeToken(token.id, of: nil), by: .operator)]).isEmpty)
    #expect(failures([spend(by: author, knowing: seen.rights)]).isEmpty)
    #expect(failures([spend(by: author, knowing: known)]) == [0])
    committer.stop()
  }

  @Test func `is remembered for as many as there may be, and then of everybody`() {
    let known = seen.rights
    let many = (0...4096).map { _ in System.randomUser() }
    let registered = many.map {
      ticket(.register(Registration(user: $0, name: nil, role: .user)), by: .operator)
    }
    #expect(failures(registered).isEmpty)
    #expect(failures([ticket(.setActive(.id(author), false), by: .operator)]).isEmpty)
    let ends = many.map { ticket(.setActive(.id($0), false), by: .operator) }
    #expect(failures(ends).isEmpty)
    let both = [author, other].map { spend(by: $0, knowing: known) }
    #expect(failures(both) == [0, 1])
    #expect(failures([spend(by: other, knowing: seen.rights)]).isEmpty)
    committer.stop()
  }

  @Test func `is told of when it shows, before what happened and before any answer`() throws {
    let path = directory.path + "/other"
    try Store.create(at: path, clock: System.clock)
    let store = try Store(at: path, mode: .writing)
    let (order, digest) = (Order(), token.digest)
    let committer = try Committer(
      store: store, onNews: { _ in order.add("news") },
      onRightsChanged: { _ in
        switch try? Queries(store).identify(digest, at: System.clock()) {
        case .user: order.add("given")
        case .inactive: order.add("lost")
        case .unknown, .expired, nil: order.add("told too early")
        }
      },
      deliver: { _ in order.add("answers") })
    let opening = SessionOpening(
      id: try SessionID("s"), user: nil, viewer: .everybody, whenItExists: .compare)
    let people = [
      Command.register(Registration(user: author, name: nil, role: .user)),
      .issueToken(.id(author), token, expiresAt: nil),
    ]
    for commands in [people, [.session(.start(opening)), .setActive(.id(author), false)]] {
      var tickets = commands.map { ticket($0, by: .operator) }
      let count = order.count(of: "answers")
      committer.submit(&tickets)
      while order.count(of: "answers") == count { usleep(1000) }
    }
    committer.stop()
    #expect(order.all == ["given", "answers", "lost", "news", "answers"])
  }

  private final class Order: Sendable {
    private let words = Mutex<[String]>([])

    var all: [String] { words.withLock { $0 } }
    func count(of word: String) -> Int { all.count { $0 == word } }
    func add(_ word: String) { words.withLock { $0.append(word) } }
  }

  private func spend(by user: UserID, knowing rights: RightsEpoch) -> Committer.Ticket {
    Committer.Ticket(
      Submission(.usage(of: other, 1), by: .user(user)), number: 0, rights: rights)
  }

  private func ticket(_ command: Command, by actor: Actor) -> Committer.Ticket {
    Committer.Ticket(Submission(command, by: actor), number: 0)
  }

  /// Has tickets decided in one commit; answers which of them failed.
  private func failures(_ tickets: [Committer.Ticket]) -> [Int] {
    var tickets = tickets
    let count = tickets.count
    committer.submit(&tickets)
    return seen.take(count).enumerated().compactMap { (index, answer) in
      if case .failed = answer { index } else { nil }
    }
  }
}

/// What the committer tells.
final class Seen: Sendable {
  private let state = Mutex((answers: [Answer](), rights: RightsEpoch.first))

  var rights: RightsEpoch { state.withLock { $0.rights } }

  func note(_ rights: RightsEpoch) { state.withLock { $0.rights = rights } }

  func put(_ new: [Committer.NumberedAnswer]) {
    state.withLock { $0.answers += new.map(\.answer) }
  }

  /// Waits for so many answers.
  func take(_ count: Int) -> [Answer] {
    while state.withLock({ $0.answers.count }) < count { usleep(500) }
    return state.withLock { (state) in
      defer { state.answers = [] }
      return state.answers
    }
  }
}
