import Foundation
import Projections
import QuotaModel
import TestSupport
import Testing

@Suite struct `The trust in a generation` {
  @Test func `is none before anybody has said that there may be`() throws {
    let projection = try TestProjection()
    let generation = projection.generation
    #expect(try generation.trust(bootID: "first") == .doubtful(.unmarked))
  }

  @Test func `is that it is in use until it is closed, and again when it is used`() throws {
    let projection = try TestProjection()
    let generation = projection.generation
    try generation.markInUse(bootID: "first")
    #expect(try generation.trust(bootID: "first") == .inUse)
    try generation.markClosed(bootID: "first")
    #expect(try generation.trust(bootID: "first") == .closed)
    try generation.markInUse(bootID: "second")
    #expect(try generation.trust(bootID: "second") == .inUse)
  }

  @Test func `is that it is being built until that has ended`() throws {
    let projection = try TestProjection()
    let generation = projection.generation
    try generation.markBuilding(bootID: "first")
    #expect(try generation.trust(bootID: "first") == .building)
    try generation.markClosed(bootID: "first")
    #expect(try generation.trust(bootID: "first") == .closed)
  }

  @Test(arguments: [true, false])
  func `ends with the boot of the machine unless it was closed`(isBuilding: Bool) throws {
    let projection = try TestProjection()
    let generation = projection.generation
    if isBuilding {
      try generation.markBuilding(bootID: "first")
    } else {
      try generation.markInUse(bootID: "first")
    }
    #expect(try generation.trust(bootID: "second") == .doubtful(.restarted))
    try generation.markClosed(bootID: "first")
    #expect(try generation.trust(bootID: "second") == .closed)
  }

  @Test func `does not pass to a copy of what is in use`() throws {
    let projection = try TestProjection()
    let generation = projection.generation
    try generation.markInUse(bootID: "first")
    let copy = try Self.copy(of: generation)
    #expect(try Generation.trust(at: copy.path, bootID: "first") == .doubtful(.copied))
  }

  /// Nobody has flushed it; the kernel that has its pages knows them all.
  @Test func `passes to a copy of what is closed, as long as the machine runs`() throws {
    let projection = try TestProjection()
    let generation = projection.generation
    try generation.markInUse(bootID: "first")
    try generation.markClosed(bootID: "first")
    let copy = try Self.copy(of: generation)
    #expect(try Generation.trust(at: copy.path, bootID: "first") == .closed)
    #expect(try Generation.trust(at: copy.path, bootID: "second") == .doubtful(.copied))
  }

  @Test func `ends where somebody wrote to what is closed`() throws {
    let projection = try TestProjection()
    try projection.generation.markClosed(bootID: "first")
    let file = try FileHandle(forUpdating: URL(filePath: projection.generation.path + "/data.mdb"))
    try file.seek(toOffset: 4096 + 100)
    try file.write(contentsOf: [0xA5])
    #expect(try projection.generation.trust(bootID: "first") == .doubtful(.changed))
  }

  /// A power cut in the middle of a store would leave pages of two times.
  @Test(arguments: Change.allCases)
  func `is taken away before anything is stored in what is closed`(change: Change) throws {
    let projection = try TestProjection()
    let generation = projection.generation
    for isFirst in [true, false] {
      if isFirst { try generation.markInUse(bootID: "first") }
      try generation.markClosed(bootID: "first")
      try change.make(in: projection, isFirst ? 1 : 2)
      #expect(try generation.trust(bootID: "first") == .doubtful(.unmarked))
    }
    try generation.markClosed(bootID: "first")
    #expect(try generation.trust(bootID: "first") == .closed)
  }

  enum Change: CaseIterable {
    case anchor, state, storedBatch

    func make(in projection: TestProjection, _ number: UInt64) throws {
      let generation = projection.generation
      switch self {
      case .anchor:
        try projection.fold([Self.registration(number)], mayWait: false)
        try generation.markClosed(bootID: "first")
        try generation.noteAnchor { _ in [UInt8](repeating: UInt8(number), count: 32) }
      case .state:
        try generation.initialise(try #require(try generation.state()))
      case .storedBatch:
        try projection.fold([Self.registration(number)], mayWait: true)
      }
    }

    private static func registration(_ number: UInt64) -> Event {
      let moment = Moment(microseconds: 1)
      return Event(
        position: Position(number), recordedAt: moment, happenedAt: moment, actor: .operator,
        fact: .userRegistered(UserID(high: 1, low: number), role: .user))
    }
  }

  @Test func `is none in what a crash has left of a mark`() throws {
    let projection = try TestProjection()
    let generation = projection.generation
    try generation.markClosed(bootID: "first")
    let file = URL(filePath: generation.path + "/trust")
    let mark = try Data(contentsOf: file)
    for count in 0..<mark.count {
      try mark.prefix(count).write(to: file)
      #expect(
        try generation.trust(bootID: "first") == .doubtful(.unmarked), "\(count) bytes")
    }
    try mark.write(to: file)
    #expect(try generation.trust(bootID: "first") == .closed)
  }

  @Test func `says how far it was even where the pages are not believed`() throws {
    let projection = try TestProjection()
    try projection.fold(
      [
        Event(
          position: Position(1), recordedAt: Moment(microseconds: 1),
          happenedAt: Moment(microseconds: 1), actor: .operator,
          fact: .userRegistered(UserID(high: 1, low: 1), role: .user))
      ], mayWait: false)
    try projection.generation.markInUse(bootID: "first")
    let path = projection.generation.path
    #expect(try Generation.markedPosition(at: path, of: TestProjection.log) == Position(1))
    #expect(try Generation.markedPosition(at: path, of: UserID(high: 8, low: 9)) == nil)
  }

  /// Marks named no log before, and every one of these is of its store's.
  @Test func `holds where the mark names no log`() throws {
    let projection = try TestProjection()
    let generation = projection.generation
    try generation.markClosed(bootID: "first")
    let file = URL(filePath: generation.path + "/trust")
    var lines = try String(contentsOf: file, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    try #require(lines.count == 8)
    lines.remove(at: 6)
    lines[0] = "quotalog generation 1"
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
    #expect(try generation.trust(bootID: "first") == .closed)
    #expect(try Generation.markedPosition(at: generation.path, of: UserID(high: 8, low: 9)) != nil)
  }

  private static func copy(of generation: Generation) throws -> TemporaryDirectory {
    let directory = TemporaryDirectory()
    for name in ["data.mdb", "trust"] {
      try FileManager.default.copyItem(
        atPath: "\(generation.path)/\(name)", toPath: "\(directory.path)/\(name)")
    }
    return directory
  }
}
