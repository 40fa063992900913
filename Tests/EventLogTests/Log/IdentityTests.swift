import EventLog
import Foundation
import LMDB
import QuotaModel
import TestSupport
import Testing

@Suite struct `A log` {
  @Test func `says who it is, to whoever opens it`() throws {
    let sketch = try TestLog(segmentsOf: [1])
    #expect(try sketch.open().identity == TestLog.identity)
    #expect(try sketch.open(.reading).identity == TestLog.identity)
  }

  @Test func `is not made a second time`() throws {
    let sketch = try TestLog(segmentsOf: [3])
    let other = LogIdentity(id: UserID(high: 1, low: 1), createdAt: .earliest)
    #expect(throws: LogFailure.exists(path: sketch.path)) {
      try LMDBLog.create(at: sketch.path, identity: other)
    }
    let log = try sketch.open()
    #expect(log.identity == TestLog.identity)
    #expect(try log.head() == Position(3))
  }

  @Test func `is not opened twice at once`() throws {
    let sketch = try TestLog()
    let log = try sketch.open()
    #expect(throws: LogFailure.alreadyOpen(path: sketch.path)) { try sketch.open(.reading) }
    #expect(try log.head() == .zero)
  }

  @Test func `is missing where there is no directory`() {
    let path = "\(TemporaryDirectory().path)/nowhere"
    #expect(throws: LogFailure.missing(path: path)) { try LMDBLog(at: path, mode: .reading) }
    #expect(throws: LogFailure.missing(path: path)) {
      try LMDBLog.create(at: path, identity: TestLog.identity)
    }
  }

  @Test func `is no environment that has other tables`() throws {
    let directory = TemporaryDirectory()
    _ = try Environment(
      path: directory.path, options: .init(durability: .synced, tables: ["others"]))
    #expect(throws: LogFailure.notALog(path: directory.path)) {
      try LMDBLog(at: directory.path, mode: .reading)
    }
    #expect(throws: LogFailure.notALog(path: directory.path)) {
      try LMDBLog(at: directory.path, mode: .appending)
    }
  }

  @Test func `is no file of another program`() throws {
    let directory = TemporaryDirectory()
    try Data(repeating: 0x2E, count: 65_536)
      .write(to: URL(filePath: "\(directory.path)/data.mdb"))
    #expect(throws: LogFailure.notALog(path: directory.path)) {
      try LMDBLog(at: directory.path, mode: .reading)
    }
  }

  @Test(arguments: [2, 300, .max] as [UInt64]) func `of a newer format is refused, with its number`(
    format: UInt64
  ) throws {
    let sketch = try TestLog()
    try Self.storeIdentity(littleEndian(format) + [1, 2, 3], in: sketch)
    let failure = LogFailure.newerFormat(found: format, supported: 1)
    #expect(throws: failure) { try sketch.open() }
    #expect("\(failure)".contains("format \(format)"))
  }

  @Test(arguments: [[], [1], [1, 0, 0, 0, 0, 0, 0, 0], [UInt8](repeating: 0, count: 32)])
  func `with a malformed identity is none`(identity: [UInt8]) throws {
    let sketch = try TestLog()
    try Self.storeIdentity(identity, in: sketch)
    #expect(throws: LogFailure.notALog(path: sketch.path)) { try sketch.open() }
  }

  private static func storeIdentity(_ bytes: [UInt8], in sketch: TestLog) throws {
    let key = Array("identity".utf8)
    try sketch.change { transaction, _, meta in
      try transaction.put(bytes.rawBytes, under: key.rawBytes, in: meta)
    }
  }

  private func littleEndian(_ number: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(number)
    return bytes
  }
}

@Suite struct `A recovered log` {
  @Test func `says what it said, and takes appends`() throws {
    let sketch = try TestLog(segmentsOf: [5])
    let log = try sketch.open()
    let before = try log.events()
    try log.recover()
    #expect(try log.events() == before)
    let event = EventExamples.event(6, .userDeactivated(EventExamples.ada))
    try log.append([event], behind: Position(5))
    #expect(try log.head() == Position(6))
  }

  @Test func `waits until nobody reads`() throws {
    let sketch = try TestLog(segmentsOf: [2])
    let log = try sketch.open()
    var failure: LogFailure?
    try log.scan(after: .zero) { _ in
      do throws(LogFailure) { try log.recover() } catch { failure = error }
      return .stop
    }
    #expect(failure == .other("readers still hold the log open"))
    try withExtendedLifetime(sketch) { try log.recover() }
    #expect(try log.head() == Position(2))
  }

  @Test func `is unusable while its directory is away, and usable when it is back`() throws {
    let sketch = try TestLog(segmentsOf: [2])
    let log = try sketch.open()
    let away = "\(sketch.path)-away"
    try FileManager.default.moveItem(atPath: sketch.path, toPath: away)
    #expect(throws: LogFailure.missing(path: sketch.path)) { try log.recover() }
    #expect(throws: LogFailure.inputOutput) { try log.head() }
    try FileManager.default.moveItem(atPath: away, toPath: sketch.path)
    try log.recover()
    #expect(try log.head() == Position(2))
  }

  @Test func `is probed without a trace that readers see`() throws {
    let sketch = try TestLog(segmentsOf: [2])
    let log = try sketch.open()
    try log.probe()
    #expect(try log.head() == Position(2))
    #expect(try log.events().count == 2)
  }

  @Test func `is not probed where it is only read`() throws {
    let sketch = try TestLog()
    let log = try sketch.open(.reading)
    #expect(throws: LogFailure.permissionDenied(path: sketch.path)) { try log.probe() }
  }
}
