import Foundation
import LMDB

/// A data file in a directory of its own, made by LMDB.
final class PageSample {
  static let tables = ["left", "right"]

  let directory: String

  /// An environment with two empty tables.
  init() throws {
    directory = NSTemporaryDirectory() + "quotalog-pages-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: false)
    _ = try environment()
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func environment() throws -> Environment {
    try Environment(
      path: directory,
      options: Environment.Options(
        durability: .unsynced, tables: Self.tables, mapByteCount: 1 << 30))
  }

  /// One commit.
  func write(_ body: (inout WriteTransaction, Table, Table) throws -> Void) throws {
    let environment = try environment()
    try write(in: environment, body)
  }

  func write(
    in environment: Environment, _ body: (inout WriteTransaction, Table, Table) throws -> Void
  ) throws {
    let tables = try Self.tables.map { (name) in try environment.table(name) }
    var transaction = try environment.beginWrite()
    try body(&transaction, tables[0], tables[1])
    try transaction.commit()
  }

  var bytes: [UInt8] {
    get throws { try Array(Data(contentsOf: URL(filePath: directory + "/data.mdb"))) }
  }

  func replace(with bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(filePath: directory + "/data.mdb"))
  }

  func check() throws(PageCheckFailure) -> PageSummary {
    try PageCheck.run(directory: directory, tables: Self.tables)
  }

  /// What the check finds; nil where it finds nothing.
  func damage() throws -> PageDamage? {
    do throws(PageCheckFailure) {
      _ = try check()
      return nil
    } catch {
      guard case .damaged(let damage) = error else { throw error }
      return damage
    }
  }

  /// Everything that LMDB reads from the file, forwards, with its own counts.
  func content() throws -> PageContent {
    let environment = try Environment(
      path: directory,
      options: Environment.Options(
        durability: .unsynced, isReadOnly: true, tables: Self.tables, mapByteCount: 1 << 30))
    let transaction = try environment.beginRead()
    var content = PageContent()
    for name in Self.tables {
      let table = try environment.table(name)
      try content.counts.append(transaction.count(of: table))
      var cursor = try transaction.cursor(in: table)
      while let entry = try cursor.next() {
        content.entries.append([UInt8](copying: entry.key))
        content.entries.append([UInt8](copying: entry.value))
      }
    }
    return content
  }
}

struct PageContent: Equatable {
  var counts: [Int] = []
  var entries: [[UInt8]] = []

  /// Whether the entries are the same but for the length of values on pages of their own, which only
  /// their owner can know.
  func isSame(as other: PageContent) -> Bool {
    counts == other.counts && entries.count == other.entries.count
      && zip(entries, other.entries).allSatisfy { (one, other) in
        one == other || (other.count > 2000 && (one.starts(with: other) || other.starts(with: one)))
      }
  }
}

/// Files of different inner shapes.
enum PageShape: CaseIterable {
  case empty, oneEntry, many, deleted, values, deep, longFreeList

  func sample() throws -> PageSample {
    let sample = try PageSample()
    let environment = try sample.environment()
    switch self {
    case .empty: break
    case .oneEntry: try sample.fill(environment, 0..<1)
    case .many: try sample.fill(environment, 0..<3000)
    case .deleted:
      for start in 0..<12 { try sample.fill(environment, start * 50..<start * 50 + 100) }
      for start in 0..<12 { try sample.clear(environment, start * 40..<start * 40 + 20) }
    case .values: try sample.fill(environment, 0..<40, valueSize: { 100 + 350 * $0 })
    case .deep: try sample.fill(environment, 0..<2500, keySize: 500)
    case .longFreeList:
      try sample.fill(environment, 0..<2000, valueSize: { _ in 3000 })
      try sample.clear(environment, 0..<1900)
      try sample.fill(environment, 5000..<5003)
    }
    return sample
  }
}

extension PageSample {
  func fill(
    _ environment: Environment, _ numbers: Range<Int>, keySize: Int = 8,
    valueSize: (Int) -> Int = { 2 * ($0 % 30) }
  ) throws {
    try write(in: environment) { (transaction, left, right) in
      for number in numbers {
        let value = [UInt8](repeating: UInt8(number % 251), count: valueSize(number))
        try transaction.put(
          value.rawBytes, under: Self.key(number, keySize).rawBytes,
          in: number % 5 == 0 ? right : left)
      }
    }
  }

  func clear(_ environment: Environment, _ numbers: Range<Int>) throws {
    try write(in: environment) { (transaction, left, right) in
      for number in numbers {
        let key = Self.key(number, 8)
        try transaction.remove(key.rawBytes, from: number % 5 == 0 ? right : left)
      }
    }
  }

  private static func key(_ number: Int, _ size: Int) -> [UInt8] {
    let text = [UInt8]("\(number)".utf8)
    let digits = [UInt8](repeating: 0x30, count: 8 - text.count) + text
    return digits + [UInt8](repeating: 0x78, count: size - 8)
  }
}

/// Random numbers that a seed repeats (SplitMix64).
struct PageRandom: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init() {
    let wanted = ProcessInfo.processInfo.environment["QUOTALOG_TEST_SEED"].flatMap { UInt64($0) }
    seed = wanted ?? UInt64.random(in: 0..<1_000_000_000)
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
