import Foundation
import LMDB
import TestSupport
import Testing

/// The lock file is taken, so that the file cannot be opened for a writer before the test says so.
@Suite struct `An environment that is being opened again` {
  let directory = TemporaryDirectory()
  let environment: Environment

  init() throws {
    environment = try directory.environment()
    try environment.store("hot", under: "tea")
  }

  enum Way: CaseIterable {
    case recovery, whereUnused

    func reopen(_ environment: Environment) throws {
      switch self {
      case .recovery: try environment.recover()
      case .whereUnused: #expect(try environment.reopenIfUnused())
      }
    }
  }

  @Test(arguments: Way.allCases)
  func `is read by whoever comes meanwhile, at once`(way: Way) throws {
    let lock = try TakenLockFile(in: directory)
    let reopening = FallibleThread { [environment] in try way.reopen(environment) }
    lock.waitUntilWanted()
    let reading = FallibleThread { [environment] () throws in
      #expect(try environment.entries() == ["tea=hot"])
      #expect(try environment.clearDeadReaders() == 0)
    }
    #expect(reading.hasEnded(within: 10))
    lock.release()
    #expect(reopening.failure() == nil)
    #expect(reading.failure() == nil)
    try environment.store("cold", under: "tea")
    #expect(try environment.entries() == ["tea=cold"])
  }

  @Test func `is written by whoever waited for it, and for its readers`() throws {
    let lock = try TakenLockFile(in: directory)
    let reopening = FallibleThread { [environment] in try Way.whereUnused.reopen(environment) }
    lock.waitUntilWanted()
    let writing: FallibleThread
    do {
      let reader = try environment.beginRead()
      writing = FallibleThread { [environment] in try environment.store("cold", under: "tea") }
      lock.release()
      #expect(try reader.text(under: "tea", in: environment.words) == "hot")
    }
    #expect(reopening.failure() == nil)
    #expect(writing.failure() == nil)
    #expect(try environment.entries() == ["tea=cold"])
  }

  /// A batch asks for names before it stores some, and folds before it stores that.
  @Test(arguments: Way.allCases)
  func `is not kept waiting by whoever reads before a write`(way: Way) throws {
    let lock = try TakenLockFile(in: directory)
    let reopening = FallibleThread { [environment] () throws in try way.reopen(environment) }
    lock.waitUntilWanted()
    let writing = FallibleThread { [environment] () throws in
      let reader = try environment.beginReadBeforeWrite()
      try environment.store("cold", under: "tea")
      #expect(try reader.text(under: "tea", in: environment.words) == "hot")
    }
    lock.release()
    #expect(reopening.failure() == nil)
    #expect(writing.failure() == nil)
  }

  @Test func `is what whoever reads before a write begins with`() throws {
    do {
      let reader = try environment.beginRead()
      #expect(throws: LMDBError.heldByReaders) { try environment.recover() }
      let other = try environment.beginReadBeforeWrite()
      #expect(try other.text(under: "tea", in: environment.words) == "hot")
      #expect(try reader.text(under: "tea", in: environment.words) == "hot")
    }
    let reader = try environment.beginReadBeforeWrite()
    try environment.store("cold", under: "tea")
    #expect(try reader.text(under: "tea", in: environment.words) == "hot")
  }

  /// As a long scan does, whose transactions follow upon each other.
  @Test func `is closed behind somebody who begins to read before the last time has ended`() throws
  {
    let first = try environment.beginRead()
    #expect(throws: LMDBError.heldByReaders) { try environment.recover() }
    let second = try environment.beginRead()
    _ = consume first
    let recovery = FallibleThread { [environment] () throws in try environment.recover() }
    #expect(!recovery.hasEnded(within: 0), "it waits for the second one")
    _ = consume second
    #expect(recovery.failure() == nil)
    try environment.store("cold", under: "tea")
    #expect(try environment.entries() == ["tea=cold"])
  }

  @Test func `is left to whoever writes`() throws {
    do {
      let reader = try environment.beginRead()
      #expect(throws: LMDBError.heldByReaders) { try environment.recover() }
      #expect(try reader.text(under: "tea", in: environment.words) == "hot")
    }
    try FileManager.default.removeItem(atPath: directory.path + "/lock.mdb")
    #expect(try environment.entries() == ["tea=hot"])
    #expect(!FileManager.default.fileExists(atPath: directory.path + "/lock.mdb"))
    try environment.store("cold", under: "tea")
    #expect(FileManager.default.fileExists(atPath: directory.path + "/lock.mdb"))
  }
}
