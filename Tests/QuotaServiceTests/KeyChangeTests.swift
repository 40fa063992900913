import Evidence
import LedgerSimulation
import QuotaModel
import Testing

@testable import QuotaService

@Suite struct `A changed key` {
  @Test func `signs what is proved from then on, also of a log that does not grow`() throws {
    let open = try OpenLedger()
    _ = try open.register()
    try open.store.keepCheckpoint()
    let old = try open.store.verifyingKey()
    let new = try open.store.changeKey()
    let checkpoint = try open.store.checkpoint()
    #expect(try checkpoint.note.verify(with: [old, new]) == [new])
    let proof = try open.store.proof(of: Position(1)).get()
    #expect(try proof.checkpoint.verify(with: [old, new]) == [new])
  }

  @Test func `leaves what is kept valid where it is lost`() throws {
    let open = try OpenLedger()
    _ = try open.register()
    try open.store.keepCheckpoint()
    let old = try open.store.verifyingKey()
    _ = try open.store.changeKey()
    try Files.remove(open.path + "/checkpoint.key")
    #expect(try open.store.checkpoint().note.verify(with: [old]) == [old])
  }
}
