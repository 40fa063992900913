import Foundation
import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

/// Folds at the start of a process that does not come to its end.
@Suite struct `A fold at the start that was interrupted` {
  @Test func `is gone on with, and leaves nothing behind`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/store"
    try makeStore(at: path)
    try Files.removeTree(path + "/projections")
    var before: UInt64?
    for count: UInt64 in [0, 100, 200, 300] {
      #expect(try begin(at: path, upTo: count) == before)
      #expect(try numbers(at: path) == [1])
      before = count
    }
    var first: UInt64?
    try open(path) { first = first ?? $0 }
    #expect(first == 300)
    #expect(try numbers(at: path).count == 1)
  }

  @Test func `is not folded again where it was whole, and not live yet`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/store"
    try makeStore(at: path)
    try Files.removeTree(path + "/projections")
    let head = try foldAll(at: path)
    var first: UInt64?
    try open(path) { first = first ?? $0 }
    #expect(first == head.rawValue)
    #expect(try numbers(at: path) == [1])
  }

  /// As far as a start has come that is killed before it makes the generation the live one.
  private func foldAll(at path: String) throws -> Position {
    let generations = Generations(
      ofStoreAt: path, log: try ProjectionStore(ofStoreAt: path).log)
    let fold = try GenerationFold.begin(in: generations, calendar: nil, isResuming: true)
    try fold.run(progress: nil)
    _ = try fold.markInUse()
    return try generations.head()
  }

  /// What is folded in the place of a live one that was removed is not taken for it.
  @Test func `is gone on with where the live one was removed for it`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/store"
    try makeStore(at: path)
    try Files.removeTree(path + "/projections/1")
    for count: UInt64 in [100, 200] { try begin(at: path, upTo: count) }
    #expect(try numbers(at: path) == [2])
    var first: UInt64?
    try open(path) { first = first ?? $0 }
    #expect(first == 200)
    #expect(try numbers(at: path) == [2])
  }

  /// What a restart of the machine made useless is removed before another one is made.
  @Test func `does not add to what others left`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/store"
    try makeStore(at: path)
    try Files.removeTree(path + "/projections")
    for _ in 0..<4 {
      try begin(at: path, upTo: 100)
      for number in try numbers(at: path) { try makeOfAnotherBoot("\(path)/projections/\(number)") }
    }
    #expect(try numbers(at: path).count == 1)
    try open(path) { _ in }
    #expect(try numbers(at: path).count == 1)
  }

  private func makeOfAnotherBoot(_ place: String) throws {
    let mark = String(decoding: try Files.read(place + "/trust"), as: UTF8.self)
    try Files.write(
      place + "/trust",
      Array(mark.replacingOccurrences(of: System.bootID, with: "another boot").utf8))
  }

  private func numbers(at path: String) throws -> [UInt64] {
    try Files.names(in: path + "/projections").compactMap { UInt64($0) }
  }

  private func open(_ path: String, _ note: @escaping (UInt64) -> Void) throws {
    let store = try Store(at: path, mode: .writing, progress: { done, _ in note(done) })
    #expect(try store.verifyProjection() == nil)
    try store.close()
  }

  /// As far as a start has come that is killed there; answers where it went on, if it did.
  @discardableResult
  private func begin(at path: String, upTo count: UInt64) throws -> UInt64? {
    let log = try ProjectionStore(ofStoreAt: path).log
    let generations = Generations(ofStoreAt: path, log: log)
    try generations.pruneUseless()
    let fold = try GenerationFold.begin(in: generations, calendar: nil, isResuming: true)
    try fold.run(upTo: Position(count), progress: nil)
    switch fold.beginning {
    case .afresh: return nil
    case .resumed(let position): return position.rawValue
    }
  }

  private func makeStore(at path: String) throws {
    let open = try OpenLedger(at: path)
    let user = try open.register()
    for _ in 0..<20 {
      _ = open.ledger.execute(
        (0..<20).map { _ in Submission(.usage(of: user, 1), by: .operator) })
    }
    try open.store.close()
  }
}
