import Foundation
import LedgerSimulation
import QuotaModel
import Synchronization
import Testing

@testable import QuotaService

@Suite struct `A swap` {
  /// The process that writes to a store, as far as the one that asks can see.
  private final class Writer: Sendable {
    private let lock: Mutex<FileLock?>
    private let path: String

    init(of store: String) throws {
      path = store + "/lock"
      lock = Mutex(try FileLock(path))
    }

    /// Takes the request away and is killed; another process has the lock at once.
    func takeRequestAndBeReplaced(in directory: String) throws {
      try Files.remove(directory + "/swap.request")
      try Files.write(path, Array("999999999\n".utf8))
    }

    /// Takes the request away, swaps, and is killed before it has answered.
    func swapAndEnd(to number: UInt64, in directory: String) throws {
      try Files.remove(directory + "/swap.request")
      try LivePointer(live: number, previous: LivePointer(in: directory)?.live).write(in: directory)
      end()
    }

    func end() { lock.withLock { $0 = nil } }
  }

  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path + "/store"
    try Self.makeStore(at: path)
    _ = try ProjectionStore(ofStoreAt: path).rebuild()
  }

  private static func makeStore(at path: String) throws {
    let open = try OpenLedger(at: path)
    _ = try open.register()
    open.ledger.storeFolded()
    try open.store.close()
  }

  private func isAskedFor(within milliseconds: Int) -> Bool {
    for _ in 0..<milliseconds {
      if Files.exists(path + "/projections/swap.request") { return true }
      usleep(1000)
    }
    return false
  }

  /// A thread that asks for a swap to the second generation, and what becomes of it.
  private final class Asking: Sendable {
    private let outcome = Mutex<Result<SwapReport, StoreFailure>?>(nil)
    private let thread = Mutex<pthread_t?>(nil)

    init(ofStoreAt path: String) {
      let asking = Thread.start(named: "asking") {
        let result = Result { () throws(StoreFailure) in
          try ProjectionStore(ofStoreAt: path).swap(to: 2)
        }
        self.outcome.withLock { $0 = result }
      }
      thread.withLock { $0 = asking }
    }

    func report() throws -> SwapReport? {
      if let thread = thread.withLock({ $0 }) { pthread_join(thread, nil) }
      return try outcome.withLock { $0 }?.get()
    }
  }

  @Test func `is asked for again where the server that took the request was replaced`() throws {
    let writer = try Writer(of: path)
    let asking = Asking(ofStoreAt: path)
    try #require(isAskedFor(within: 5000))
    try writer.takeRequestAndBeReplaced(in: path + "/projections")
    #expect(isAskedFor(within: 3000))
    writer.end()
    #expect(try asking.report()?.number == 2)
  }

  @Test func `is done where the server that did it was killed before its answer`() throws {
    let writer = try Writer(of: path)
    let asking = Asking(ofStoreAt: path)
    try #require(isAskedFor(within: 5000))
    try writer.swapAndEnd(to: 2, in: path + "/projections")
    let report = try #require(try asking.report())
    #expect(report.number == 2 && report.previous == 1 && report.pauseMicroseconds == nil)
    #expect(report.position == Position(2))
  }

  @Test func `finds a number for a new generation beside a directory with the greatest one`() throws
  {
    try Files.makeDirectory(path + "/projections/\(UInt64.max)")
    #expect(try ProjectionStore(ofStoreAt: path).rebuild().number == 3)
  }
}
