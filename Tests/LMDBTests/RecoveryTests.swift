import Foundation
import LMDB
import TestSupport
import Testing

/// LMDB refuses everything after some failed writes, until nobody has the file open any more.
@Suite struct `An environment that is opened again` {
  let directory = TemporaryDirectory()
  let environment: Environment

  init() throws {
    environment = try directory.environment()
    try environment.store("hot", under: "tea")
  }

  @Test func `is written again at once where nobody reads`() throws {
    try environment.recover()
    try environment.store("black", under: "coffee")
    #expect(try environment.entries() == ["coffee=black", "tea=hot"])
  }

  @Test func `is read meanwhile, by whoever did before and by others`() throws {
    do {
      let reader = try environment.beginRead()
      #expect(throws: LMDBError.heldByReaders) { try environment.recover() }
      #expect(try environment.entries() == ["tea=hot"])
      #expect(try reader.text(under: "tea", in: environment.words) == "hot")
      #expect(throws: LMDBError.heldByReaders) { try environment.store("cold", under: "tea") }
    }
    try environment.store("cold", under: "tea")
    #expect(try environment.entries() == ["tea=cold"])
  }

  @Test func `is not written before those have ended who came meanwhile`() throws {
    try withReaderOfTheTimeBetween { (reader) throws in
      #expect(throws: LMDBError.heldByReaders) { try environment.store("cold", under: "tea") }
      #expect(throws: LMDBError.heldByReaders) { try environment.sync() }
      #expect(try environment.entries() == ["tea=hot"])
      #expect(try reader.text(under: "tea", in: environment.words) == "hot")
    }
    try environment.store("cold", under: "tea")
    #expect(try environment.entries() == ["tea=cold"])
  }

  @Test func `is read where the lock file is gone, and locked again when it is opened`() throws {
    try FileManager.default.removeItem(atPath: directory.path + "/lock.mdb")
    try environment.recover()
    try environment.store("cold", under: "tea")
    #expect(FileManager.default.fileExists(atPath: directory.path + "/lock.mdb"))
  }

  @Test func `is left as it is while somebody reads`() throws {
    do {
      let reader = try environment.beginRead()
      #expect(try !environment.reopenIfUnused())
      try environment.store("cold", under: "tea")
      #expect(try reader.text(under: "tea", in: environment.words) == "hot")
    }
    #expect(try environment.reopenIfUnused())
    #expect(try environment.entries() == ["tea=cold"])
  }

  /// A reader that began while another one kept the file from being opened again.
  private func withReaderOfTheTimeBetween(
    _ body: (borrowing ReadTransaction) throws -> Void
  ) throws {
    let new = try withOldReader { () throws in try environment.beginRead() }
    try body(new)
  }

  private func withOldReader(
    _ body: () throws -> ReadTransaction
  ) throws -> ReadTransaction {
    let old = try environment.beginRead()
    #expect(throws: LMDBError.heldByReaders) { try environment.recover() }
    let new = try body()
    #expect(try old.text(under: "tea", in: environment.words) == "hot")
    return new
  }
}

@Suite struct `A lock file` {
  /// A hole would end the process by a signal where the disk has no room to fill it.
  @Test(arguments: [1, 1024] as [UInt32])
  func `has all its blocks, and no more slots than it should`(slots: UInt32) throws {
    let directory = TemporaryDirectory()
    let environment = try directory.environment(maximumReaderCount: slots)
    try environment.store("hot", under: "tea")
    var status = stat()
    let code = unsafe stat(directory.path + "/lock.mdb", &status)
    #expect(code == 0)
    #expect(status.st_size == 192 + 64 * (Int(slots) - 1))
    #expect(status.st_blocks * 512 >= status.st_size)
  }

  @Test func `of a file that is only read is not made where there is no file`() throws {
    let directory = TemporaryDirectory()
    #expect(throws: LMDBError.noSuchDirectory) { try directory.environment(isReadOnly: true) }
    #expect(!FileManager.default.fileExists(atPath: directory.path + "/lock.mdb"))
  }

  @Test func `tells who reads, and how far behind`() throws {
    let directory = TemporaryDirectory()
    let environment = try directory.environment()
    #expect(try environment.oldestReader() == nil)
    let reader = try environment.beginRead()
    for number in 0..<3 { try environment.store("hot", under: "tea \(number)") }
    let oldest = try #require(try environment.oldestReader())
    #expect(oldest.process == getpid())
    #expect(oldest.commitsBehind == 3)
    #expect(try reader.count(of: environment.words) == 0)
  }
}
