import EventLog
import Evidence
import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

@Suite struct `A checkpoint that is kept under another size` {
  /// A ledger whose latest checkpoint was replaced by a true one of fewer records.
  private static func misplacing() throws -> OpenLedger {
    let open = try OpenLedger()
    _ = try open.register()
    let small = try open.store.signCheckpoint()
    _ = try open.register()
    let head = try open.store.log.head()
    try open.store.log.store(StoredCheckpoint(small.note, size: TreeSize(head.rawValue)))
    return open
  }

  @Test func `is not handed out`() throws {
    let open = try Self.misplacing()
    #expect(throws: StoreFailure.self) { try open.store.checkpoint() }
  }

  @Test func `is named by the doctor`() throws {
    let open = try Self.misplacing()
    let head = try open.store.log.head()
    open.close()
    let findings = Doctor(ofStoreAt: open.path).examine()
    let finding = findings.first { $0.part == "log" && $0.severity == .failure }
    #expect(finding?.text.hasPrefix("the checkpoint stored for \(head) records is about ") == true)
  }
}
