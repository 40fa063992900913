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
    let simulation = try Simulation(at: original, seed: seed + number)
    try simulation.run(batches: 150)
    try simulation.close()
    try expectSameBytes(afterImportOf: original, number)
  }

  @Test(arguments: 10..<12 as Range<UInt64>)
  func `of any sessions is imported as the same bytes, and printed a line each`(
    number: UInt64
  ) throws {
    let original = directory.path + "/original"
    let simulation = try SessionSimulation(at: original, seed: seed + number)
    try simulation.run(batches: 250)
    try simulation.close()
    try expectSameBytes(afterImportOf: original, number)
    let log = try QuotalogCommand.run(["log"], data: original).output.split(separator: "\n")
    let exported = try QuotalogCommand.run(["export"], data: original).output
    #expect(log.count == exported.split(separator: "\n").count, "seed \(seed), case \(number)")
  }

  private func expectSameBytes(afterImportOf original: String, _ number: UInt64) throws {
    let copy = directory.path + "/copy"
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
      .read(after: .zero, maximumByteCount: .max)
  }
}
