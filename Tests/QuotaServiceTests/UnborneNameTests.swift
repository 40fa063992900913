import EventLog
import Foundation
import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

/// What a process leaves that was killed after the commit of names and texts, and before that of their events.
@Suite struct `A name whose user was never registered` {
  let session: OpenSession
  let ghost = System.randomUser()

  init() throws {
    session = try OpenSession()
    try store("Grace Hopper", ghost)
  }

  private var open: OpenLedger { session.open }
  private var names: NameStore { open.store.names }

  private func store(_ name: String, _ user: UserID, _ texts: [SessionText] = []) throws {
    try open.store.names.store([try UserName(name): user], texts)
  }

  private func register(_ name: String, as user: UserID) throws -> Answer {
    try open.execute(.register(Registration(user: user, name: try UserName(name), role: .user)))
  }

  private func fileHas(_ text: String) throws -> Bool {
    try Data(contentsOf: URL(filePath: open.path + "/names/data.mdb"))
      .range(of: Data(text.utf8)) != nil
  }

  @Test func `is gone after the next start, with its bytes`() throws {
    try open.reopen()
    #expect(try names.user(named: "Grace Hopper") == nil)
    #expect(try names.name(of: ghost) == nil)
    #expect(try !fileHas("Grace Hopper"))
    #expect(try Store.checkPages(at: open.path) > 0)
  }

  @Test func `leaves nothing where the user is registered under another one`() throws {
    try open.reopen()
    try #require(try register("Ada Lovelace", as: ghost).receipt != nil)
    let other = System.randomUser()
    try #require(try register("Grace Hopper", as: other).receipt != nil)
    #expect(try names.user(named: "Grace Hopper") == other)
    #expect(try names.user(named: "Ada Lovelace") == ghost)
    try open.execute(.erase(.id(ghost)))
    #expect(try names.name(of: ghost) == nil)
    #expect(try names.name(of: other)?.description == "Grace Hopper")
    #expect(try !fileHas("Ada Lovelace"))
  }

  @Test func `leaves nothing even where nobody looked in between`() throws {
    try store("Ada Lovelace", ghost)
    #expect(try names.user(named: "Grace Hopper") == nil)
    #expect(try names.user(named: "Ada Lovelace") == ghost)
  }

  @Test func `goes with the texts that were stored with it, and no others`() throws {
    let ref = try #require(try session.session()?.ref)
    let next = try open.store.log.head().next
    let said = [
      SessionText(session: ref, position: next, bytes: Array("said to nobody".utf8)),
      SessionText(session: SessionRef(next), position: next, bytes: Array("a new one".utf8)),
    ]
    let kept = SessionText(session: ref, position: ref.position, bytes: Array("said once".utf8))
    try names.store([:], [kept])
    try store("Grace Hopper", ghost, said)
    try open.reopen()
    #expect(try names.text(of: ref, at: ref.position) == kept.bytes)
    for text in said { #expect(try names.text(of: text.session, at: text.position) == nil) }
    #expect(try !fileHas("said to nobody") && !fileHas("a new one"))
  }

  @Test func `is told from those of the commits before and behind`() throws {
    let first = try register("Alan Turing", as: System.randomUser())
    try open.reopen()
    let second = try register("Ada Lovelace", as: System.randomUser())
    #expect(first.receipt != nil && second.receipt != nil)
    try store("Mary Somerville", ghost)
    try open.reopen()
    for name in ["Alan Turing", "Ada Lovelace"] { #expect(try names.user(named: name) != nil) }
    for name in ["Grace Hopper", "Mary Somerville"] { #expect(try names.user(named: name) == nil) }
    #expect(try open.store.log.nameTally()?.givenCount == names.tally().givenCount)
  }
}

@Suite struct `A file of names` {
  let open: OpenLedger
  var numbers = SeededNumbers()

  init() throws { open = try OpenLedger() }

  private var data: String { open.path + "/names/data.mdb" }

  private func register(_ name: String) throws -> UserID {
    let user = System.randomUser()
    try open.execute(.register(Registration(user: user, name: try UserName(name), role: .user)))
    return user
  }

  /// Every way to be less than what the log has counted.
  enum Loss: CaseIterable {
    case missing, empty, older
  }

  @Test(arguments: Loss.allCases)
  func `that lacks names is found, and can be gone on with`(loss: Loss) throws {
    let first = try register("Grace Hopper")
    let old = open.path + "/../older"
    try Files.copy(data, to: old)
    let second = try register("Ada Lovelace")
    open.close()
    try Files.remove(data)
    switch loss {
    case .missing: break
    case .empty: try Files.write(data, [])
    case .older: try Files.copy(old, to: data)
    }
    let found: UInt64 = loss == .older ? 1 : 0
    let failure = StoreFailure.namesMissing(path: open.path + "/names", found: found, of: 2)
    for _ in 1...2 {
      #expect(throws: failure) { try Store(at: open.path, mode: .writing) }
      #expect(throws: failure) { try Store(at: open.path, mode: .reading) }
      #expect(throws: failure) { try Store.checkNames(ofStoreAt: open.path) }
      let findings = Doctor(ofStoreAt: open.path).examine()
      #expect(findings.contains { $0.part == "names" && $0.severity == .failure })
    }
    try Store(at: open.path, mode: .writing, acceptingLostNames: true).close()
    try open.reopen()
    #expect(try open.store.names.user(named: "Grace Hopper") == (loss == .older ? first : nil))
    #expect(try Queries(open.store).user(.id(second))?.name == nil)
    #expect(try register("Ada Lovelace") != second)
  }

  /// The last commit of names gave one that the same batch erased: every start finds it there and gone.
  @Test func `that is put back from before the last start is complete`() throws {
    let first = try register("Grace Hopper")
    let last = System.randomUser()
    let registration = Registration(user: last, name: try UserName("Ada Lovelace"), role: .user)
    _ = open.ledger.execute(
      [.register(registration), .erase(.id(last))].map { Submission($0, by: .operator) })
    let copy = open.path + "/../between"
    try Files.copy(data, to: copy)
    try open.reopen()
    open.close()
    try Files.remove(data)
    try Files.copy(copy, to: data)
    try open.reopen()
    #expect(try open.store.names.user(named: "Grace Hopper") == first)
    #expect(try open.store.names.user(named: "Ada Lovelace") == nil)
    let (found, known) = (try open.store.names.tally(), try open.store.log.nameTally())
    #expect(found.givenCount == known?.givenCount)
  }

  @Test mutating func `agrees with the log after any life`() throws {
    var users: [UserID] = []
    for step in 0..<120 {
      switch Int.random(in: 0..<6, using: &numbers) {
      case 0, 1, 2: users.append(try register("person \(step)"))
      case 3 where !users.isEmpty:
        let user = users.remove(at: Int.random(in: 0..<users.count, using: &numbers))
        try open.execute(.erase(.id(user)))
      case 4:
        try open.store.names.store([try UserName("ghost \(step)"): System.randomUser()])
        try open.reopen()
      default: try open.reopen()
      }
    }
    try open.reopen()
    for user in users { #expect(try Queries(open.store).user(.id(user))?.name != nil) }
    let (found, known) = (try open.store.names.tally(), try open.store.log.nameTally())
    #expect(found.givenCount == known?.givenCount, "seed \(numbers.seed)")
    #expect(try Store.checkPages(at: open.path) > 0)
  }
}
