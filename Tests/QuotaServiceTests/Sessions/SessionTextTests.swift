import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

@Suite struct `What was said in a session` {
  let open: OpenSession

  init() throws { open = try OpenSession() }

  private func say(_ text: [UInt8]) throws -> Position {
    let answer = try open.execute(.receive(open.address, System.randomEntry(), text: text))
    return try #require(answer.session?.lastEvent.position)
  }

  private func text(at position: Position) throws -> [UInt8]? {
    let ref = try #require(try open.session()?.ref)
    return try Queries(open.open.store).text(of: ref, at: position)
  }

  @Test(arguments: [1, 7, 15_991, 15_992, 15_993, 31_992, 31_993, 1_000_000])
  func `comes back whatever its size`(count: Int) throws {
    let words = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 256) }
    let position = try say(words)
    #expect(try text(at: position) == words)
    try open.open.reopen()
    #expect(try text(at: position) == words)
  }

  /// A text is stored before its event: a crash in between leaves it where another event may come.
  @Test func `is never that of an event which was not appended`() throws {
    let session = try #require(try open.session())
    let next = session.lastEvent.position.next
    let left = SessionText(session: session.ref, position: next, bytes: Array("secret".utf8))
    try open.open.store.names.store([:], [left])
    #expect(try say([]) == next)
    #expect(try text(at: next) == nil)
    #expect(try text(at: try say(Array("b".utf8))) == Array("b".utf8))
  }

  /// A mark is stored, then the deletion, and what was said is erased: a crash may come at any time.
  @Test(arguments: [false, true])
  func `is erased after a restart only if the deletion is in the log`(isDeleted: Bool) throws {
    let position = try say(Array("secret".utf8))
    let ref = try #require(try open.session()?.ref)
    if isDeleted { try open.execute(.delete(open.address)) }
    let said = SessionText(session: ref, position: position, bytes: Array("secret".utf8))
    try open.open.store.names.store([:], [said, NameStore.mark(of: ref)])
    try open.open.reopen()
    let found = try Queries(open.open.store).text(of: ref, at: position)
    #expect((found == nil) == isDeleted)
    #expect(try open.open.store.names.markedPositions() == [])
  }

  @Test func `is erased with its session, and no other's is`() throws {
    let other = try SessionID("s2")
    let texts = try (0..<20).map { try say([UInt8](repeating: 1, count: $0 * 5000 + 1)) }
    let answer = try open.start(other, text: [7])
    let otherRef = try #require(answer.session?.ref)
    let ref = try #require(try open.session()?.ref)
    try open.execute(.delete(open.address))
    for position in texts {
      #expect(try Queries(open.open.store).text(of: ref, at: position) == nil)
    }
    #expect(try open.open.store.names.hasTexts(of: ref) == false)
    let left = try Queries(open.open.store).text(of: otherRef, at: otherRef.position)
    #expect(left == [7])
  }

  @Test func `is shorter where a longer text was left behind`() throws {
    let session = try #require(try open.session())
    let next = session.lastEvent.position.next
    let left = SessionText(
      session: session.ref, position: next, bytes: [UInt8](repeating: 1, count: 50_000))
    try open.open.store.names.store([:], [left])
    #expect(try text(at: try say([2, 3])) == [2, 3])
  }
}

extension NameStore {
  fileprivate func hasTexts(of session: SessionRef) throws -> Bool {
    try !textKeys(of: session, behind: Self.key(session, .zero, 0)).isEmpty
  }
}
