import Foundation
import LMDB
import TestSupport
import Testing

@Suite struct `An environment` {
  let directory = TemporaryDirectory()

  @Test func `keeps what was committed when it is opened again`() throws {
    try directory.environment().store("hot", under: "tea")
    #expect(try directory.environment().text(under: "tea") == "hot")
  }

  @Test func `keeps its tables apart`() throws {
    let environment = try directory.environment(tables: ["words", "others"])
    try environment.store("hot", under: "tea")
    let other = try environment.beginRead().text(under: "tea", in: environment.table("others"))
    #expect(other == nil)
  }

  @Test func `has only the tables that it was opened with`() throws {
    let environment = try directory.environment()
    #expect(throws: LMDBError.noSuchTable(name: "others")) { try environment.table("others") }
  }

  @Test func `is not opened without its directory`() {
    #expect(throws: LMDBError.noSuchDirectory) {
      try Environment(
        path: "\(directory.path)/nowhere", options: .init(durability: .synced, tables: ["words"]))
    }
  }

  @Test func `is not made where nobody may write, not even root`() {
    #expect(throws: LMDBError.permissionDenied) {
      try Environment(path: "/sys/kernel", options: .init(durability: .synced, tables: ["words"]))
    }
  }

  @Test(arguments: [Data("no environment ".utf8), Data(count: 65_536)])
  func `is not what another program has written`(bytes: Data) throws {
    let bytes = bytes + Data(repeating: 0x2E, count: 65_536)
    try bytes.write(to: URL(filePath: "\(directory.path)/data.mdb"))
    #expect(throws: LMDBError.notAnEnvironment) { try directory.environment() }
  }

  @Test func `is copied with everything in it`() throws {
    let environment = try directory.environment()
    try environment.store("hot", under: "tea")
    let copy = try directory.subdirectory("copy")
    try environment.copy(to: copy)
    let options = Environment.Options(durability: .unsynced, isReadOnly: true, tables: ["words"])
    #expect(try Environment(path: copy, options: options).entries() == ["tea=hot"])
  }

  @Test func `frees no slot of a reader that lives`() throws {
    let environment = try directory.environment()
    let reader = try environment.beginRead()
    #expect(try environment.clearDeadReaders() == 0)
    #expect(try reader.text(under: "tea", in: environment.words) == nil)
  }
}

@Suite struct `An environment that is open` {
  let directory = TemporaryDirectory()

  @Test func `is not opened a second time by its process`() throws {
    let environment = try directory.environment()
    #expect(throws: LMDBError.alreadyOpen) { try directory.environment() }
    #expect(throws: LMDBError.alreadyOpen) { try directory.environment(isReadOnly: true) }
    try environment.store("still", under: "works")
  }

  @Test func `is not opened a second time through a link`() throws {
    let environment = try directory.environment()
    let links = TemporaryDirectory()
    let link = "\(links.path)/link"
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: directory.path)
    #expect(throws: LMDBError.alreadyOpen) {
      try Environment(path: link, options: .init(durability: .synced, tables: ["words"]))
    }
    try environment.store("still", under: "works")
  }

  @Test func `may be opened again once it is closed`() throws {
    for count in 1...3 {
      let environment = try directory.environment()
      try environment.store("\(count)", under: "\(count)")
      #expect(try environment.entries().count == count)
    }
  }

  /// Else a file system may give a new directory the number of one that is deleted and still open.
  @Test func `holds its directory, and lets it go when it is closed`() throws {
    do {
      let environment = try directory.environment()
      try FileManager.default.removeItem(atPath: directory.path)
      #expect(try Self.openPaths().contains("\(directory.path) (deleted)"))
      try environment.store("still", under: "works")
    }
    #expect(try !Self.openPaths().contains("\(directory.path) (deleted)"))
  }

  private static func openPaths() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { name in
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
    }
  }

  @Test func `may be opened after an attempt that failed`() throws {
    try directory.environment().store("hot", under: "tea")
    #expect(throws: LMDBError.noSuchTable(name: "others")) {
      try directory.environment(tables: ["others"], isReadOnly: true)
    }
    #expect(try directory.environment().text(under: "tea") == "hot")
  }
}

@Suite struct `A read-only environment` {
  let directory = TemporaryDirectory()

  @Test func `shows what was committed`() throws {
    try directory.environment().store("hot", under: "tea")
    #expect(try directory.environment(isReadOnly: true).entries() == ["tea=hot"])
  }

  @Test func `does not make a table that is missing`() throws {
    try directory.environment().store("hot", under: "tea")
    #expect(throws: LMDBError.noSuchTable(name: "others")) {
      try directory.environment(tables: ["words", "others"], isReadOnly: true)
    }
  }

  @Test func `is not made where there is none`() {
    #expect(throws: LMDBError.noSuchDirectory) { try directory.environment(isReadOnly: true) }
  }

  @Test func `takes no write`() throws {
    try directory.environment().store("hot", under: "tea")
    let environment = try directory.environment(isReadOnly: true)
    #expect(throws: LMDBError.permissionDenied) { try environment.store("cold", under: "tea") }
  }
}

@Suite struct `The bounds of an environment` {
  let directory = TemporaryDirectory()

  @Test func `let as many readers in as it has slots`() throws {
    let environment = try directory.environment(maximumReaderCount: 2)
    let first = try environment.beginRead()
    try Self.withReader(of: environment) {
      #expect(throws: LMDBError.readersFull) { try environment.entries() }
    }
    #expect(try environment.entries() == [], "the slot of a reader that has ended is free")
    #expect(try first.count(of: environment.words) == 0)
  }

  @Test func `refuse what does not fit in the map, and nothing of it is kept`() throws {
    let environment = try directory.environment(mapByteCount: 1 << 17)
    try environment.store("hot", under: "tea")
    let large = String(repeating: "x", count: 1 << 17)
    #expect(throws: LMDBError.mapFull) { try environment.store(large, under: "large") }
    try environment.store("black", under: "coffee")
    #expect(try environment.entries() == ["coffee=black", "tea=hot"])
  }

  @Test(arguments: [0, 512]) func `refuse a key of no byte or of more than 511`(count: Int) throws {
    let environment = try directory.environment()
    try environment.store("fits", under: String(repeating: "k", count: 511))
    #expect {
      try environment.store("x", under: String(repeating: "k", count: count))
    } throws: { error in
      if case LMDBError.other = error { true } else { false }
    }
  }

  private static func withReader(of environment: Environment, _ body: () -> Void) throws {
    let reader = try environment.beginRead()
    body()
    #expect(try reader.count(of: environment.words) == 0)
  }
}
