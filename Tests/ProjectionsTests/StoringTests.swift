import Foundation
import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `A store in the background` {
  @Test func `takes what is folded, and the next one what came since`() throws {
    let (projection, events) = try Self.projection(events: 40)
    projection.mayHold = true
    try projection.fold(Array(events[10..<20]), mayWait: false)
    #expect(projection.held != nil)
    #expect(projection.folder.unstoredCount == 0)
    try projection.fold(Array(events[20..<30]), mayWait: false)
    #expect(projection.folder.unstoredCount == 10, "one store is under way")
    projection.runHeldJob()
    try projection.fold(Array(events[30..<40]), mayWait: false)
    #expect(projection.held != nil)
    #expect(projection.folder.unstoredCount == 0)
    projection.runHeldJob()
    try projection.folder.finishStoring()
    #expect(try projection.generation.state()?.position == Position(40))
  }

  @Test func `waits until there is more, where that may be`() throws {
    let (projection, events) = try Self.projection(events: 30)
    try projection.fold(Array(events[10..<30]), mayWait: true)
    #expect(projection.folder.unstoredCount == 20)
    #expect(try projection.generation.state()?.position == Position(10))
    let seen = try projection.generation.read { (snapshot) throws(ProjectionFailure) in
      try snapshot.state().position
    }
    #expect(seen == Position(30))
  }

  @Test func `does not keep anybody from a token, who is told of it`() throws {
    let (projection, events) = try Self.projection(events: 12)
    try projection.fold(Array(events[10..<12]))
    let digest = TokenDigest((1, 2, 3, 4))
    let issue = TokenIssue(token: TokenID(1), user: Self.ada, digest: digest)
    try projection.fold([Self.event(13, .tokenIssued(issue))], mayWait: true)
    let token = try projection.generation.read { (snapshot) throws(ProjectionFailure) in
      try snapshot.token(digest)
    }
    #expect(token?.user == Self.ada)
    #expect(projection.folder.unstoredCount == 0)
  }

  @Test func `that fails says so, and the log has everything`() throws {
    let (projection, events) = try Self.projection(events: 20)
    let readOnly = try Self.readOnlyTwin(of: projection)
    let path = readOnly.generation.path
    #expect(throws: ProjectionFailure.permissionDenied(path: path)) {
      var batch = try readOnly.beginBatch()
      for event in events[10..<20] { try batch.fold(event) }
      try batch.commit(mayWait: false)
    }
  }

  @Test func `is nothing that a folder does which only shows what it folds`() throws {
    let (projection, events) = try Self.projection(events: 30)
    let file = projection.directory.path + "/data.mdb"
    let before = try Data(contentsOf: URL(filePath: file))
    let folder = try Folder(
      generation: projection.generation, purpose: .showing,
      calendarSource: { setting throws(ProjectionFailure) in RandomHistory.calendar(setting) })
    let digest = TokenDigest((1, 2, 3, 4))
    let issue = TokenIssue(token: TokenID(1), user: Self.ada, digest: digest)
    for event in events[10..<30] + [Self.event(31, .tokenIssued(issue))] {
      var batch = try folder.beginBatch()
      try batch.fold(event)
      try batch.commit(mayWait: false)
    }
    let (token, position) = try projection.generation.read {
      (snapshot) throws(ProjectionFailure) in
      (try snapshot.token(digest), try snapshot.state().position)
    }
    #expect(token?.user == Self.ada)
    #expect(position == Position(31))
    #expect(try Data(contentsOf: URL(filePath: file)) == before)
  }

  private static let ada = UserID(high: 3, low: 4)

  /// A projection with the first ten of so many events stored.
  private static func projection(events count: Int) throws -> (TestProjection, [Event]) {
    let projection = try TestProjection(.whenTold)
    let events = (1...count).map { number in
      event(
        UInt64(number),
        number == 1
          ? .userRegistered(ada, role: .user)
          : .tokensSpent(Spend(user: ada, usage: TokenUsage(total: .of(1)))))
    }
    try projection.fold(Array(events[0..<10]))
    return (projection, events)
  }

  /// A folder over the same tables, which may not write to them.
  private static func readOnlyTwin(of projection: TestProjection) throws -> Folder {
    let copy = try projection.directory.subdirectory("copy")
    for file in ["data.mdb", "lock.mdb"] {
      try TemporaryDirectory.copy(
        "\(projection.directory.path)/\(file)", to: "\(copy)/\(file)")
    }
    return try Folder(
      generation: Generation(at: copy, isReadOnly: true), purpose: .deciding,
      calendarSource: { setting throws(ProjectionFailure) in RandomHistory.calendar(setting) })
  }

  private static func event(_ position: UInt64, _ fact: Fact) -> Event {
    let moment = Moment.at("2026-05-01T00:00:00Z")
    return Event(
      position: Position(position), recordedAt: moment, happenedAt: moment, actor: .operator,
      fact: fact)
  }
}
