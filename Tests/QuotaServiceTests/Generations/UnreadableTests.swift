import EventLog
import Foundation
import LedgerSimulation
import Projections
import QuotaModel
import Testing

@testable import QuotaService

/// How far a generation was tells whether the log has lost its end, whatever became of the pages.
@Suite struct `The position of a generation that cannot be read` {
  private let open: OpenLedger
  private let generations: Generations
  private let marked: Position
  private var pages: String { open.path + "/projections/1/data.mdb" }

  init() throws {
    open = try OpenLedger()
    let user = try open.register()
    for _ in 0..<5 { try open.execute(.usage(of: user, 1)) }
    marked = try open.store.log.head()
    try open.store.close()
    open.close()
    let log = try ProjectionStore(ofStoreAt: open.path).log
    generations = Generations(ofStoreAt: open.path, log: log)
    #expect(try generations.position(of: 1) == marked)
  }

  enum Harm: CaseIterable { case removed, emptied, overwritten }

  @Test(arguments: Harm.allCases)
  func `is the one that its mark names`(harm: Harm) throws {
    switch harm {
    case .removed: try Files.remove(pages)
    case .emptied: try Files.write(pages, [])
    case .overwritten: try Files.write(pages, [UInt8](repeating: 0xA5, count: 1 << 16))
    }
    #expect(try generations.position(of: 1) == marked)
  }

  /// Whoever asks again may be told, and one that is believed now might be taken for less than it is.
  @Test func `is not guessed where the disk does not answer`() throws {
    try Files.remove(pages)
    // A file that can be opened, and fails to be read.
    try FileManager.default.createSymbolicLink(
      atPath: pages, withDestinationPath: "/proc/self/mem")
    #expect(throws: StoreFailure.projection(.inputOutput)) { try generations.position(of: 1) }
  }

  @Test func `is none where nothing says anything`() throws {
    try Files.remove(pages)
    try Files.remove(open.path + "/projections/1/trust")
    #expect(try generations.position(of: 1) == nil)
  }
}
