import Foundation
import LMDB
import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

/// The table of users by name, written anew beside everything else.
@Suite struct `A table of users that is written anew` {
  private let rowLimit = 40
  private let directory: TemporaryDirectory
  private let model: NamesModel

  init() throws {
    directory = try TemporaryDirectory()
    model = try NamesModel(at: directory.path + "/names")
    try model.register(700)
  }

  @Test func `changes few rows at a time, and is right all the while`() throws {
    for _ in 0..<60 { try model.erase() }
    var stepCount = 0
    var rewrite = UserTableRewrite(of: model.open, isWanted: true, rowLimit: rowLimit)
    var before = try model.rowCounts()
    while try rewrite.step() {
      stepCount += 1
      let after = try model.rowCounts()
      #expect(zip(before, after).map { abs($0 - $1) }.reduce(0, +) <= rowLimit, "\(model.seed)")
      try model.changeSomething()
      before = try model.rowCounts()
      #expect(try model.disagreement() == nil, "seed \(model.seed), step \(stepCount)")
    }
    #expect(stepCount > 4 * 600 / rowLimit)
    #expect(try model.rowCounts()[1] == 0)
  }

  @Test func `is gone on with after a kill at any step`() throws {
    for stop in stride(from: 0, to: 75, by: 5) {
      try model.erase()
      try step(atMost: stop)
      try model.reopen()
      try model.changeSomething()
      #expect(try model.disagreement() == nil, "seed \(model.seed), step \(stop)")
    }
    try model.names.store([:], [NameStore.mark(ofRemainsAt: Position(9))])
    #expect(try model.names.overwriteRemains { true })
    #expect(try model.disagreement() == nil, "seed \(model.seed)")
    #expect(try model.rowCounts()[1] == 0)
    #expect(try model.erasedInFile() == [])
  }

  /// A name that a branch keeps has the table written anew.
  @Test func `takes many short commits, and leaves nothing of a name`() throws {
    try model.register(2400)
    let key = try #require(try model.open.environment.branchKeys(of: "users").first)
    try model.erase(String(decoding: key, as: UTF8.self))
    try model.names.store([:], [NameStore.mark(ofRemainsAt: Position(9))])
    let before = try model.commitNumber()
    #expect(try model.names.overwriteRemains { true })
    #expect(try model.commitNumber() - before >= 4 * 3000 / UInt64(UserTables.rowLimit))
    #expect(try model.disagreement() == nil, "seed \(model.seed)")
    #expect(try model.erasedInFile() == [])
  }

  private func step(atMost count: Int) throws {
    var rewrite = UserTableRewrite(of: model.open, isWanted: true, rowLimit: rowLimit)
    for _ in 0..<count { if try !rewrite.step() { return } }
  }

  @Test func `is right in a copy of any moment`() throws {
    var rewrite = UserTableRewrite(of: model.open, isWanted: true, rowLimit: rowLimit)
    var number = 0
    while try rewrite.step() {
      number += 1
      try model.changeSomething()
      guard number % 7 == 0 else { continue }
      let copy = directory.path + "/copy-\(number)"
      try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
      try model.names.copy(to: copy)
      let names = try NameStore(at: copy, isReadOnly: true)
      #expect(try model.disagreement(of: names) == nil, "seed \(model.seed), step \(number)")
      #expect(try NameStore.checkPages(at: copy) > 0)
    }
  }

  @Test func `of a file that has no successor yet is read`() throws {
    let path = directory.path + "/old"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    let options = Environment.Options(durability: .synced, tables: NameStore.tableNames)
    _ = try Environment(path: path, options: options)
    #expect(try NameStore.checkPages(at: path) > 0)
    #expect(try NameStore(at: path, isReadOnly: true).user(named: "anybody") == nil)
    let names = try NameStore(at: path, isReadOnly: false)
    let user = System.randomUser()
    try names.store([try UserName("Ada"): user])
    #expect(try names.user(named: "Ada") == user)
  }

  @Test(.enabled(if: SmallDisk.isPermitted, "mounting a small file system takes root"))
  func `loses nothing on a full disk`() throws {
    let disk = try SmallDisk()
    let model = try NamesModel(at: disk.path + "/names")
    try model.register(3000)
    var failureCount = 0
    for kilobytes in stride(from: 0, to: 400, by: 40) {
      disk.fill(leaving: kilobytes)
      var rewrite = UserTableRewrite(of: model.open, isWanted: true)
      do { while try rewrite.step() {} } catch { failureCount += 1 }
      #expect(try model.disagreement() == nil, "seed \(model.seed)")
      disk.makeRoom()
    }
    #expect(failureCount > 0)
    var rewrite = UserTableRewrite(of: model.open, isWanted: false)
    while try rewrite.step() {}
    try model.changeSomething()
    #expect(try model.disagreement() == nil, "seed \(model.seed)")
    #expect(try model.rowCounts()[1] == 0)
  }
}

/// A file of names, and what has to be in it.
private final class NamesModel {
  private let path: String
  private(set) var names: NameStore
  private var numbers = SeededNumbers()
  private var users: [String: UserID] = [:]
  private var erased: Set<String> = []
  private var nextNumber = 0

  var seed: UInt64 { numbers.seed }
  var open: OpenNames { names.open() }

  init(at path: String) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    names = try NameStore(at: path, isReadOnly: false)
  }

  /// As after the death of the process.
  func reopen() throws {
    let elsewhere = try TemporaryDirectory()
    names = try NameStore(at: elsewhere.path, isReadOnly: false)
    names = try NameStore(at: path, isReadOnly: false)
  }

  func register(_ count: Int) throws {
    var new: [UserName: UserID] = [:]
    for _ in 0..<count {
      nextNumber += 1
      let name = "person-\(nextNumber * 7919 % 100_003)-of-many"
      let user = System.randomUser()
      new[try UserName(name)] = user
      users[name] = user
    }
    try names.store(new)
  }

  func erase() throws {
    try erase(users.keys.sorted()[Int.random(in: 0..<users.count, using: &numbers)])
  }

  func erase(_ name: String) throws {
    let user = try #require(users[name])
    users[name] = nil
    var transaction = try open.environment.beginWrite()
    try NameStore.removeName(of: user, in: open, &transaction)
    try transaction.commit()
    erased.insert(name)
  }

  /// Registers or erases somebody, or gives somebody another's name.
  func changeSomething() throws {
    switch Int.random(in: 0...2, using: &numbers) {
    case 0: try register(1)
    case 1: try erase()
    default:
      let all = users.keys.sorted()
      let name = all[Int.random(in: 0..<all.count, using: &numbers)]
      users[name] = System.randomUser()
      try names.store([try UserName(name): try #require(users[name])])
    }
  }

  func commitNumber() throws -> UInt64 { try PageCheck.run(directory: path).transaction }

  /// Rows of the table of users, and of its successor.
  func rowCounts() throws -> [Int] {
    let transaction = try open.environment.beginRead()
    let successor = try open.environment.table(UserTables.successorName)
    return [try transaction.count(of: open.users), try transaction.count(of: successor)]
  }

  func disagreement(of names: NameStore? = nil) throws -> String? {
    let reading = try (names ?? self.names).beginReading()
    for (name, user) in users where try reading.user(named: name) != user { return name }
    for name in erased where try reading.user(named: name) != nil { return name }
    return nil
  }

  /// The names of erased users of which the file has the bytes.
  func erasedInFile() throws -> [String] {
    let bytes = try Data(contentsOf: URL(filePath: path + "/data.mdb"))
    return erased.filter { bytes.range(of: Data($0.utf8)) != nil }.sorted()
  }
}
