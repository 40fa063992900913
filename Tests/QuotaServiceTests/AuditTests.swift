import EventLog
import Foundation
import LedgerSimulation
import QuotaModel
import Synchronization
import Testing

@testable import QuotaService

@Suite struct `An audit` {
  let open: OpenLedger

  init() throws { open = try OpenLedger() }

  @Test func `finds nothing while a log that cannot be opened is an outage, not a difference`()
    throws
  {
    _ = try open.register()
    let log = open.path + "/log"
    try FileManager.default.moveItem(atPath: log, toPath: log + ".away")
    #expect(throws: (any Error).self) { try open.store.log.recover() }
    let found = Mutex<[AuditFinding]>([])
    let audit = SelfAudit(of: open.store, percent: 100) { (finding) in
      found.withLock { $0.append(finding) }
    }
    audit.start()
    usleep(300_000)
    #expect(found.withLock { $0 }.isEmpty)
    #expect(audit.currentStatus.finding == nil)
    try FileManager.default.moveItem(atPath: log + ".away", toPath: log)
    try open.store.log.recover()
    usleep(1_500_000)
    #expect(audit.currentStatus.passCount > 0)
    #expect(audit.currentStatus.finding == nil)
    audit.stop()
  }
}
