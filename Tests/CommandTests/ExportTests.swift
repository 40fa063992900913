import EventLog
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `An export` {
  let directory: TemporaryDirectory
  let seed = SeededNumbers().seed

  init() throws { directory = try TemporaryDirectory() }

  @Test(arguments: 0..<3 as Range<UInt64>)
  func `of any history is imported as the same bytes`(number: UInt64) throws {
    let original = directory.path + "/original"
    let copy = directory.path + "/copy"
    let simulation = try Simulation(at: original, seed: seed + number)
    try simulation.run(batches: 150)
    try simulation.close()
    let exported = try QuotalogCommand.run(["export"], data: original)
    #expect(exported.code == 0)
    try Store.create(at: copy, clock: System.clock)
    let imported = try QuotalogCommand.run(["import", "-"], data: copy, input: exported.output)
    #expect(imported.code == 0, "\(imported.complaint), seed \(seed), case \(number)")
    let again = try QuotalogCommand.run(["export"], data: copy)
    #expect(again.output == exported.output, "seed \(seed), case \(number)")
    #expect(try records(copy) == records(original), "seed \(seed), case \(number)")
    #expect(try QuotalogCommand.run(["verify"], data: copy).code == 0)
  }

  private func records(_ path: String) throws -> [Segment] {
    try LMDBLog(at: path + "/log", mode: .reading)
      .read(.only, after: .zero, maximumByteCount: .max)
  }
}
