import EventLog
import Foundation
import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

@Suite struct `A user who is erased` {
  let session: OpenSession
  let user = System.randomUser()
  let token = NewToken()

  init() throws {
    session = try OpenSession()
    try open.execute(.register(registration("Ada Lovelace")))
    try open.execute(.issueToken(.id(user), token, expiresAt: nil))
    try open.execute(.usage(of: user, 500))
  }

  private var open: OpenLedger { session.open }
  private var names: NameStore { open.store.names }
  private var account: Account? {
    get throws { try Queries(open.store).user(.id(user))?.account }
  }

  private func registration(_ name: String, _ user: UserID? = nil) throws -> Registration {
    Registration(user: user ?? self.user, name: try UserName(name), role: .user)
  }

  @discardableResult
  private func begin(_ id: String, text: String) throws -> SessionRef {
    let answer = try session.start(try SessionID(id), user: user, text: Array(text.utf8))
    return try #require(answer.session?.ref)
  }

  private func has(_ text: String) throws -> Bool {
    try Data(contentsOf: URL(filePath: open.path + "/names/data.mdb"))
      .range(of: Data(text.utf8)) != nil
  }

  @Test func `has no name and no access, and every number`() throws {
    var before = try #require(try account)
    try #require(try open.execute(.erase(.name("Ada Lovelace"))).receipt != nil)
    let queries = Queries(open.store)
    let reading = try #require(try queries.user(.id(user)))
    #expect(reading.name == nil)
    before.erase()
    #expect(reading.account == before)
    #expect(try open.used(by: user) == 500)
    #expect(try queries.user(.name("Ada Lovelace")) == nil)
    #expect(try queries.identify(token.digest, at: open.clock.now) == .inactive)
    #expect(try open.store.verifyProjection() == nil)
    #expect(try open.store.rebuild().difference == nil)
  }

  @Test func `gets nothing any more`() throws {
    try open.execute(.erase(.id(user)))
    let head = try open.store.log.head()
    #expect(try open.execute(.setActive(.id(user), true)).failure == .userErased)
    #expect(try open.execute(.setRole(.id(user), .staff)).failure == .userErased)
    #expect(
      try open.execute(.issueToken(.id(user), NewToken(), expiresAt: nil)).failure == .userErased)
    #expect(try open.execute(.register(registration("Ada"))).failure == .userExists)
    #expect(try open.hold(1, of: user, seconds: 9).failure == .unknownUser)
    #expect(try session.start(try SessionID("new"), user: user).failure == .unknownUser)
    #expect(try open.store.log.head() == head)
  }

  @Test func `is erased once, and a repetition gets the first receipt`() throws {
    let first = try #require(try open.execute(.erase(.name("Ada Lovelace")), id: "e").receipt)
    let again = try #require(try open.execute(.erase(.name("Ada Lovelace")), id: "e").receipt)
    #expect((again.position, again.isReplayed) == (first.position, true))
    #expect(try open.execute(.erase(.id(user))) == .unchanged)
    let other = try open.register()
    #expect(
      try open.execute(.erase(.id(other)), id: "e").failure
        == .requestConflict(member: "user", position: first.position))
    #expect(try open.execute(.erase(.name("Ada Lovelace"))).failure == .unknownUser)
  }

  @Test func `leaves the name to others`() throws {
    try open.execute(.erase(.id(user)))
    let other = System.randomUser()
    try #require(try open.execute(.register(registration("Ada Lovelace", other))).receipt != nil)
    #expect(try Queries(open.store).user(.name("Ada Lovelace"))?.account.user == other)
    #expect(try Queries(open.store).user(.id(user))?.name == nil)
    try open.reopen()
    #expect(try Queries(open.store).user(.id(other))?.name?.description == "Ada Lovelace")
  }

  @Test func `has no sessions, begun in the same commit or long ago`() throws {
    let old = try begin("old", text: "said long ago")
    let opening = SessionOpening(
      id: try SessionID("new"), user: user, viewer: .everybody, text: Array("said just now".utf8),
      whenItExists: .compare)
    let answers = try open.execute([
      Submission(.session(.start(opening)), by: .operator),
      Submission(.erase(.id(user)), by: .operator),
    ])
    let new = try #require(answers[0].session?.ref)
    for ref in [old, new] {
      #expect(try Queries(open.store).session(ref)?.phase == .deleted)
      #expect(try Queries(open.store).text(of: ref, at: ref.position) == nil)
    }
    #expect(try session.session()?.phase != .deleted, "the session of nobody stays")
  }

  /// A mark is stored, then the event, then the name is erased: a crash may come at any time.
  @Test(arguments: [false, true])
  func `is forgotten after a crash only if the log says so`(isInLog: Bool) throws {
    let ref = try begin("s", text: "a secret")
    if isInLog { try open.execute(.erase(.id(user))) }
    let position = try open.store.log.head()
    let said = SessionText(session: ref, position: ref.position, bytes: Array("a secret".utf8))
    let marks = [
      NameStore.mark(of: ref),
      NameStore.mark(of: user, at: isInLog ? position : position.advanced(by: 2)),
    ]
    try names.store([try UserName("Ada Lovelace"): user], [said] + marks)
    try open.reopen()
    #expect(try (names.name(of: user) == nil) == isInLog)
    #expect(try (names.user(named: "Ada Lovelace") == nil) == isInLog)
    #expect(try (names.text(of: ref, at: ref.position) == nil) == isInLog)
    #expect(try account?.isErased == isInLog)
    try open.execute(.usage(of: user, 1))
    #expect(try !open.store.hasRemains())
    #expect(try has("Lovelace") == !isInLog)
    #expect(try has("a secret") == !isInLog)
  }
}

@Suite struct `The file of names` {
  let session: OpenSession

  init() throws { session = try OpenSession() }

  private var open: OpenLedger { session.open }

  private func file() throws -> Data {
    try Data(contentsOf: URL(filePath: open.path + "/names/data.mdb"))
  }

  private func register(_ name: String) throws -> UserID {
    let user = System.randomUser()
    try open.execute(.register(Registration(user: user, name: try UserName(name), role: .user)))
    return user
  }

  @Test(arguments: [12, 1500, 5000, 100_000, 3_000_000])
  func `has nothing of an erased user`(count: Int) throws {
    let user = try register("Grace Hopper")
    let kept = try register("Alan Turing")
    let text = Array(String(repeating: "a secret of \(count) ", count: count / 12).utf8)
    try session.start(try SessionID("s"), user: user, text: text)
    try session.start(try SessionID("t"), user: kept, text: Array("what Alan said".utf8))
    #expect(try file().range(of: Data("Grace Hopper".utf8)) != nil)
    #expect(try file().range(of: Data("a secret of \(count)".utf8)) != nil)
    try open.execute(.erase(.id(user)))
    let bytes = try file()
    #expect(bytes.range(of: Data("Grace Hopper".utf8)) == nil)
    #expect(bytes.range(of: Data("a secret of".utf8)) == nil)
    #expect(bytes.range(of: Data("what Alan said".utf8)) != nil)
    #expect(try Queries(open.store).user(.id(kept))?.name?.description == "Alan Turing")
    #expect(try !open.store.hasRemains())
    #expect(try Store.checkPages(at: open.path) > 0)
  }

  /// A branch of a table keeps the keys with which its pages began.
  @Test func `has no name of many that were erased, and all others`() throws {
    let users = try (0..<1200).map { number -> (UserID, String) in
      let name = "person-\(number * 7919 % 100_003)-of-many-more"
      return (try register(name), name)
    }
    for index in stride(from: 0, to: users.count, by: 6) {
      try open.execute(.erase(.id(users[index].0)))
    }
    let bytes = try file()
    for (index, (user, name)) in users.enumerated() {
      let isLeft = bytes.range(of: Data(name.utf8)) != nil
      #expect(isLeft == (index % 6 != 0), "\(name)")
      #expect(try Queries(open.store).user(.name(name))?.account.user == (isLeft ? user : nil))
    }
    #expect(try Store.checkPages(at: open.path) > 0)
  }

  @Test func `is overwritten later where somebody reads it`() throws {
    let user = try register("Grace Hopper")
    let names = open.store.names
    var attempts = 0
    do {
      let reader = try names.beginReading()
      names.store(erased: user)
      let isDone = try names.overwriteRemains {
        attempts += 1
        return attempts < 20
      }
      #expect(!isDone)
      #expect(try reader.user(named: "Grace Hopper") == user)
    }
    #expect(try file().range(of: Data("Grace Hopper".utf8)) != nil)
    #expect(try names.overwriteRemains { true })
    #expect(try file().range(of: Data("Grace Hopper".utf8)) == nil)
  }
}

extension NameStore {
  /// As a ledger does when the event is in the log.
  fileprivate func store(erased user: UserID) {
    #expect(throws: Never.self) {
      try store([:], [Self.mark(of: user, at: Position(1 << 40))])
      #expect(try erase { _ in true })
    }
  }
}
