import Foundation
import LMDB
import TestSupport
import Testing

@Suite struct `What was removed` {
  let directory = TemporaryDirectory()

  private func file() throws -> Data {
    try Data(contentsOf: URL(filePath: directory.path + "/data.mdb"))
  }

  private func has(_ text: String) throws -> Bool { try file().range(of: Data(text.utf8)) != nil }

  private func environment() throws(LMDBError) -> Environment {
    try Environment(
      path: directory.path,
      options: Environment.Options(
        durability: .synced, tables: ["words"], mapByteCount: 1 << 26))
  }

  private func remove(_ keys: [String], from environment: Environment) throws(LMDBError) {
    var transaction = try environment.beginWrite()
    for key in keys {
      let key = Array(key.utf8)
      try transaction.remove(key.rawBytes, from: environment.words)
    }
    try transaction.commit()
  }

  private func overwrite(
    _ environment: Environment, while mayGoOn: () -> Bool = { true }
  ) throws(LMDBError) -> Bool {
    try environment.overwriteRemains(
      touch: { () throws(LMDBError) in try environment.store("touched", under: "touch") },
      mayGoOn: mayGoOn)
  }

  @Test(arguments: [10, 1000, 3000, 5000, 400_000])
  func `is in the file until it is overwritten`(count: Int) throws {
    let word = "secret\(count)"
    do {
      let environment = try environment()
      let text = String(repeating: word, count: count / word.count + 1)
      for number in 0..<20 { try environment.store("kept \(number)", under: "key \(number)") }
      try environment.store(text, under: "text")
      try environment.store("kept", under: "tea")
      try remove(["text"], from: environment)
    }
    #expect(try has(word), "LMDB leaves what it gives up")
    let again = try environment()
    #expect(try overwrite(again))
    #expect(try !has(word))
    #expect(try again.text(under: "tea") == "kept")
    #expect(try PageCheck.run(directory: directory.path).pageCount > 0)
  }

  @Test func `waits for a reader who sees it`() throws {
    let environment = try environment()
    try environment.store("a secret", under: "text")
    let reader = try environment.beginRead()
    try remove(["text"], from: environment)
    var attempts = 0
    let isDone = try overwrite(environment) {
      attempts += 1
      return attempts < 8
    }
    #expect(!isDone)
    #expect(try reader.text(under: "text", in: environment.words) == "a secret")
    _ = consume reader
    #expect(try overwrite(environment))
    #expect(try !has("a secret"))
  }

  /// Whatever the tree looks like, what is in it stays, and the rest is gone.
  @Test(arguments: 0..<6 as Range<UInt64>)
  func `goes, and nothing else does`(number: UInt64) throws {
    var numbers = SeededNumbers(seed: SeededNumbers().seed + number)
    var kept: [String: String] = [:]
    for round in 0..<4 {
      var removed: [String] = []
      try change(&kept, &removed, using: &numbers)
      let again = try environment()
      #expect(try overwrite(again), "seed \(numbers.seed), round \(round)")
      for (key, text) in kept { #expect(try again.text(under: key) == text) }
      #expect(try again.entries().count == kept.count + 1, "all and the one that is touched")
      let bytes = try file()
      for word in removed where bytes.range(of: Data(word.utf8)) != nil {
        Issue.record("\(word) is left, seed \(numbers.seed), round \(round)")
      }
      #expect(try PageCheck.run(directory: directory.path).pageCount > 0)
    }
  }

  /// Stores and removes at random; what is replaced or removed begins with one of `removed`.
  private func change(
    _ kept: inout [String: String], _ removed: inout [String], using numbers: inout SeededNumbers
  ) throws(LMDBError) {
    let environment = try environment()
    for _ in 0..<150 {
      let key = "key \(Int.random(in: 0..<400, using: &numbers))"
      if let old = kept[key] { removed.append(String(old.prefix(18))) }
      if Int.random(in: 0..<3, using: &numbers) == 0 {
        kept[key] = nil
        try remove([key], from: environment)
      } else {
        let word = "<\(UInt64.random(in: 1 << 60...UInt64.max, using: &numbers))>"
        let length = [1, 20, 90, 900][Int.random(in: 0..<4, using: &numbers)]
        let text = String(repeating: word, count: length)
        kept[key] = text
        try environment.store(text, under: key)
      }
    }
  }
}
