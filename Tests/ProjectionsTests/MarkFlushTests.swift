import Foundation
import LMDB
import QuotaModel
import Synchronization
import TestSupport
import Testing

@testable import Projections

/// A mark that is taken away and may come back with a power cut would vouch for pages of two times.
@Suite struct `A mark that is taken away` {
  private let directory = TemporaryDirectory()
  private let flushes = Flushes()

  private final class Flushes: Sendable {
    private let state = Mutex((failing: 0, done: 0))

    var done: Int { state.withLock { $0.done } }
    func fail(_ count: Int) { state.withLock { $0.failing = count } }

    func flush(_ path: String) throws(ProjectionFailure) {
      let fails = state.withLock { (state) in
        if state.failing > 0 {
          state.failing -= 1
          return true
        }
        state.done += 1
        return false
      }
      if fails { throw .inputOutput }
    }
  }

  private func environment() throws -> MarkedEnvironment {
    try MarkedEnvironment(
      path: directory.path,
      options: Environment.Options(
        durability: .unsynced, isReadOnly: false, tables: Tables.names),
      flush: { [flushes] (path) throws(ProjectionFailure) in try flushes.flush(path) })
  }

  private func makeGeneration(closed: Bool) throws {
    let generation = try Generation(at: directory.path, isReadOnly: false)
    if closed {
      try generation.markClosed(bootID: "first")
    } else {
      try generation.markBuilding(bootID: "first")
    }
  }

  @Test func `is flushed before anything changes, however often that fails`() throws {
    try makeGeneration(closed: true)
    let environment = try environment()
    flushes.fail(2)
    for _ in 0..<2 {
      #expect(throws: ProjectionFailure.inputOutput) { _ = try environment.beginWrite() }
    }
    #expect(try TrustMark(in: directory.path) == nil)
    for _ in 0..<2 { try environment.beginWrite().abort() }
    #expect(flushes.done == 1, "what is on the disk costs nothing more")
  }

  /// What is being folded says so until it is whole, whoever goes on with it: it would be folded anew.
  @Test func `is none that says that the fold goes on`() throws {
    try makeGeneration(closed: false)
    let environment = try environment()
    for _ in 0..<2 { try environment.beginWrite().abort() }
    #expect(flushes.done == 0)
    #expect(try Generation.trust(at: directory.path, bootID: "first") == .building)
  }
}
