import Foundation
import LMDB
import TestSupport
import Testing

@Suite struct `A write transaction` {
  let directory = TemporaryDirectory()

  @Test func `changes nothing unless it is committed`() throws {
    let environment = try directory.environment()
    try environment.store("hot", under: "tea")
    try Self.put("cold", under: "tea", in: environment)
    #expect(try environment.entries() == ["tea=hot"])
  }

  @Test func `changes nothing when it is aborted`() throws {
    let environment = try directory.environment()
    var transaction = try environment.beginWrite()
    try transaction.put("hot", under: "tea", in: environment.words)
    transaction.abort()
    #expect(try environment.entries() == [])
  }

  @Test func `sees its own changes before anybody else`() throws {
    let environment = try directory.environment()
    var transaction = try environment.beginWrite()
    try transaction.put("hot", under: "tea", in: environment.words)
    #expect(try transaction.text(under: "tea", in: environment.words) == "hot")
    #expect(try transaction.count(of: environment.words) == 1)
    #expect(try environment.text(under: "tea") == nil)
    try transaction.commit()
    #expect(try environment.text(under: "tea") == "hot")
  }

  @Test func `puts over what is there, and inserts only what is not`() throws {
    let environment = try directory.environment()
    var transaction = try environment.beginWrite()
    #expect(try transaction.insert("hot", under: "tea", in: environment.words))
    #expect(try !transaction.insert("cold", under: "tea", in: environment.words))
    try transaction.put("black", under: "coffee", in: environment.words)
    try transaction.put("white", under: "coffee", in: environment.words)
    try transaction.commit()
    #expect(try environment.entries() == ["coffee=white", "tea=hot"])
  }

  @Test func `removes, and says whether there was anything`() throws {
    let environment = try directory.environment()
    try environment.store("hot", under: "tea")
    var transaction = try environment.beginWrite()
    #expect(try transaction.remove("tea", from: environment.words))
    #expect(try !transaction.remove("tea", from: environment.words))
    try transaction.commit()
    #expect(try environment.entries() == [])
  }

  @Test func `removes every entry of one table`() throws {
    let environment = try directory.environment(tables: ["words", "others"])
    var transaction = try environment.beginWrite()
    for table in [try environment.words, try environment.table("others")] {
      try transaction.put("hot", under: "tea", in: table)
      try transaction.put("black", under: "coffee", in: table)
    }
    try transaction.removeAll(from: environment.table("others"))
    try transaction.commit()
    let reader = try environment.beginRead()
    #expect(try reader.count(of: environment.words) == 2)
    #expect(try reader.count(of: environment.table("others")) == 0)
  }

  @Test(arguments: ["a", "m"]) func `appends only behind every key`(key: String) throws {
    let environment = try directory.environment()
    try environment.store("last", under: "m")
    var transaction = try environment.beginWrite()
    #expect { try transaction.append("x", under: key, in: environment.words) } throws: { error in
      if case LMDBError.other = error { true } else { false }
    }
    try transaction.append("y", under: "n", in: environment.words)
    try transaction.commit()
    #expect(try environment.entries() == ["m=last", "n=y"])
  }

  @Test func `keeps entries in order, in whatever order they are put`() throws {
    let environment = try directory.environment()
    var numbers = SeededNumbers()
    let keys = (0..<2000).map { _ in UInt32.random(in: 0..<1_000_000, using: &numbers) }
      .map { "\(10_000_000 + $0)" }
    var transaction = try environment.beginWrite()
    try transaction.putInOrder(in: environment.words) { (table) throws(LMDBError) in
      for key in keys { try table.put("before", under: key) }
      for key in keys.reversed() { try table.put("after", under: key) }
    }
    try transaction.commit()
    let expected = Set(keys).sorted().map { "\($0)=after" }
    #expect(try environment.entries() == expected, "seed \(numbers.seed)")
  }

  @Test(arguments: [0, 500, 2000]) func `takes ascending keys among and behind what is there`(
    earlierCount: Int
  ) throws {
    let environment = try directory.environment()
    var numbers = SeededNumbers()
    let keys = (0..<3000).map { _ in Int.random(in: 0..<1_000_000, using: &numbers) }
    let earlier = Set(keys.prefix(earlierCount).map { $0 % 600_000 })
    let later = Set(keys.suffix(2000))
    for (numbers, value) in [(earlier, "earlier"), (later, "later")] {
      var transaction = try environment.beginWrite()
      try transaction.putInOrder(in: environment.words) { (table) throws(LMDBError) in
        for number in numbers.sorted() {
          try table.putAscending(value, under: "\(10_000_000 + number)")
        }
      }
      try transaction.commit()
    }
    let expected = earlier.union(later).sorted().map {
      "\(10_000_000 + $0)=\(later.contains($0) ? "later" : "earlier")"
    }
    #expect(try environment.entries() == expected, "seed \(numbers.seed)")
  }

  @Test func `waits for the one before, so that no change is lost`() throws {
    let environment = try directory.environment()
    let threads = (0..<2).map { _ in FallibleThread { try Self.increase(100, in: environment) } }
    for thread in threads { #expect(thread.failure() == nil) }
    #expect(try environment.text(under: "count") == "200")
  }

  /// Puts an entry in a transaction that ends with its scope.
  private static func put(
    _ value: String, under key: String, in environment: Environment
  ) throws(LMDBError) {
    var transaction = try environment.beginWrite()
    try transaction.put(value, under: key, in: environment.words)
  }

  private static func increase(_ times: Int, in environment: Environment) throws(LMDBError) {
    for _ in 0..<times {
      var transaction = try environment.beginWrite()
      let count = try transaction.text(under: "count", in: environment.words) ?? "0"
      try transaction.put("\((Int(count) ?? 0) + 1)", under: "count", in: environment.words)
      try transaction.commit()
    }
  }
}

@Suite struct `A read transaction` {
  let directory = TemporaryDirectory()

  @Test func `goes on seeing what it saw first`() throws {
    let environment = try directory.environment()
    try environment.store("hot", under: "tea")
    let reader = try environment.beginRead()
    try environment.store("cold", under: "tea")
    try environment.store("black", under: "coffee")
    #expect(try reader.text(under: "tea", in: environment.words) == "hot")
    #expect(try reader.count(of: environment.words) == 1)
    #expect(try environment.entries() == ["coffee=black", "tea=cold"])
  }

  @Test func `stands beside others of its thread, each with its own view`() throws {
    let environment = try directory.environment()
    let first = try environment.beginRead()
    try environment.store("hot", under: "tea")
    let second = try environment.beginRead()
    #expect(try first.text(under: "tea", in: environment.words) == nil)
    #expect(try second.text(under: "tea", in: environment.words) == "hot")
  }

  @Test func `gives back the bytes that were put, whatever they are`() throws {
    let environment = try directory.environment()
    let every = (0...255).map { UInt8($0) }
    let values = [[], every, Array(repeating: 0, count: 100_000)]
    for (index, value) in values.enumerated() {
      let key = [0, 0xFF, UInt8(index)]
      var transaction = try environment.beginWrite()
      try transaction.put(value.rawBytes, under: key.rawBytes, in: environment.words)
      try transaction.commit()
      let reader = try environment.beginRead()
      #expect(try reader.get(key.rawBytes, in: environment.words)?.bytes == value)
    }
  }
}
