import Foundation
import LedgerSimulation
import QuotaModel
import Testing

@testable import Projections
@testable import QuotaService

@Suite struct `Every answer is true for one position` {
  let seed = SeededNumbers().seed

  /// The tables are written in two transactions: in between, and before and after, another process reads.
  @Test(arguments: 0..<2 as Range<UInt64>)
  func `beside a server, wherever the store of its tables stands`(number: UInt64) throws {
    let spending = try RandomSpending(seed: seed + number)
    for _ in 0..<10 { try spending.step() }
    let watch = Watch(over: spending, seed: seed + number)
    spending.open.ledger.storeInBackground = { job in
      watch.look("before the job")
      watch.noteFailure { try job.storeFirstHalf() }
      watch.look("between its transactions")
      job.run()
      watch.look("behind the job")
    }
    for _ in 0..<20 { try spending.step() }
    spending.open.ledger.storeInBackground = nil
    try watch.finish()
  }

  /// Somebody writes before each look into the projection, of which an answer may take several.
  @Test(arguments: 0..<2 as Range<UInt64>)
  func `in the server, whatever is written while an answer is put together`(number: UInt64) throws {
    let spending = try RandomSpending(seed: seed + number)
    for _ in 0..<20 { try spending.step() }
    nonisolated(unsafe) let writing = spending
    var queries = Queries(spending.open.store)
    queries.beforeReading = { try? unsafe writing.step(1...8) }
    let log = Queries(spending.open.store)
    for round in 0..<4 {
      var check = AnswerCheck(
        queries: queries, now: spending.open.clock.now,
        place: "seed \(seed), case \(number), round \(round)",
        log: { try PlainHistory(of: log) }, numbers: SeededNumbers(seed: seed + UInt64(round)))
      for user in spending.users { try check.all(of: user) }
    }
  }
}

/// Looks at a store as it lies on the disk, through a copy, and from within the process that writes it.
private final class Watch: @unchecked Sendable {
  private let spending: RandomSpending
  private let seed: UInt64
  private var numbers: SeededNumbers
  private var failure: (any Error)?
  private(set) var lookCount = 0

  init(over spending: RandomSpending, seed: UInt64) {
    self.spending = spending
    self.seed = seed
    numbers = SeededNumbers(seed: seed)
  }

  func finish() throws {
    if let failure { throw failure }
    #expect(lookCount >= 9, "seed \(seed)")
  }

  func noteFailure(_ body: () throws -> Void) {
    do { try body() } catch { failure = failure ?? error }
  }

  func look(_ place: String) {
    lookCount += 1
    noteFailure {
      let copy = try StoreCopy(of: spending.open.path)
      let beside = try Store(at: copy.path, mode: .reading)
      try check(Queries(beside), "beside it, \(place)")
      try check(Queries(spending.open.store), "within it, \(place)")
    }
  }

  private func check(_ queries: Queries, _ place: String) throws {
    let plain = try PlainHistory(of: queries)
    var check = AnswerCheck(
      queries: queries, now: spending.open.clock.now, place: "\(place), seed \(seed)",
      log: { plain }, numbers: numbers)
    try check.all(of: numbers.element(of: spending.users))
    numbers = check.numbers
  }
}

/// A store as another process would find it now; a process opens an environment once only.
private final class StoreCopy {
  let path: String
  private let directory: TemporaryDirectory

  init(of path: String) throws {
    directory = try TemporaryDirectory()
    self.path = directory.path + "/store"
    try FileManager.default.copyItem(atPath: path, toPath: self.path)
    try believe("\(self.path)/projections/1")
  }

  /// Nothing is written while it is copied, so that the copy may be taken for the original.
  private func believe(_ place: String) throws {
    let mark = try #require(try TrustMark(in: place))
    let file = try #require(try FileIdentity(ofFileIn: place))
    try TrustMark(mark.claim, mark.bootID, file, mark.position, log: mark.log, mark.commit)
      .write(in: place, isDurable: false)
  }
}
