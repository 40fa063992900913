import Foundation
import LedgerSimulation
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

    func end() { lock.withLock { $0 = nil } }
  }

  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path + "/store"
    try Store.create(at: path, clock: System.clock)
    try Store(at: path, mode: .writing).close()
    _ = try ProjectionStore(ofStoreAt: path).rebuild()
  }

  private func isAskedFor(within milliseconds: Int) -> Bool {
    for _ in 0..<milliseconds {
      if Files.exists(path + "/projections/swap.request") { return true }
      usleep(1000)
    }
    return false
  }

  @Test func `is asked for again where the server that took the request was replaced`() throws {
    let writer = try Writer(of: path)
    let outcome = Mutex<Result<SwapReport, StoreFailure>?>(nil)
    let asking = Thread.start(named: "asking") { [path] in
      let result = Result { () throws(StoreFailure) in
        try ProjectionStore(ofStoreAt: path).swap(to: 2)
      }
      outcome.withLock { $0 = result }
    }
    try #require(isAskedFor(within: 5000))
    try writer.takeRequestAndBeReplaced(in: path + "/projections")
    #expect(isAskedFor(within: 3000))
    writer.end()
    pthread_join(asking, nil)
    #expect(try outcome.withLock { $0 }?.get().number == 2)
  }

  @Test func `finds a number for a new generation beside a directory with the greatest one`() throws
  {
    try Files.makeDirectory(path + "/projections/\(UInt64.max)")
    #expect(try ProjectionStore(ofStoreAt: path).rebuild().number == 3)
  }
}
