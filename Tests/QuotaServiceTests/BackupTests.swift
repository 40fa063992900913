import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A backup` {
  let open: OpenLedger
  let directory: TemporaryDirectory
  let path: String

  init() throws {
    open = try OpenLedger()
    _ = try open.register()
    directory = try TemporaryDirectory()
    path = directory.path + "/backup"
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  private func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: "\(path)/\(name)")
  }

  private func backUp() throws -> BackupReport {
    try open.store.backUp(to: path, clock: open.clock.clock)
  }

  /// What a process that was killed just before the end has left: everything but the manifest.
  @Test func `whose first run was interrupted at any step is made by the next one`() throws {
    _ = try backUp()
    try write("x", to: path + "/checkpoint.key.new")
    let order = ["manifest", "checkpoint-2", "checkpoint.pub", "checkpoint.key", "names.mdb"]
    for name in order {
      try remove(name)
      if name == "names.mdb" {
        for file in ["checkpoint.key", "checkpoint.pub"] { try remove(file) }
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: path)
      #expect(try backUp().position == Position(2), "with \(names)")
      try Backup(at: path).verify()
      try remove("manifest")
    }
  }

  @Test func `is not put among files of somebody else`() throws {
    let other = directory.path + "/other"
    try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: false)
    try write("x", to: other + "/checkpoint.key")
    #expect(throws: StoreFailure.notEmpty(path: other)) {
      try open.store.backUp(to: other, clock: open.clock.clock)
    }
  }

  @Test(arguments: [
    "records 1 18446744073709551615 records-1-2\nrecords 0 2 records-1-2",
    "records 1 18446744073709551615 records-1-2", "records 0 2 records-1-2",
  ])
  func `with a manifest of positions that cannot be is refused`(lines: String) throws {
    _ = try backUp()
    try write(
      """
      quotalog-backup 1
      log \(open.store.logID) 1
      origin x
      made 1
      \(lines)
      checkpoint checkpoint-2

      """, to: path + "/manifest")
    #expect(throws: StoreFailure.self) { try Backup(at: path) }
  }
}
