import EventLog
import Foundation
import LedgerSimulation
import QuotaModel
import QuotaService
import Testing

@Suite struct `A changed byte in the log` {
  let directory: TemporaryDirectory
  let seed = SeededNumbers().seed
  let records: [LoggedRecord]

  init() throws {
    directory = try TemporaryDirectory()
    let simulation = try Simulation(at: directory.path + "/store", seed: seed)
    while simulation.naive.position < Position(60) { try simulation.run(batches: 1) }
    try simulation.close()
    let log = try LMDBLog(at: directory.path + "/store/log", mode: .reading)
    records = try LoggedRecord.all(of: log)
  }

  private var path: String { directory.path + "/store" }
  private var file: URL { URL(filePath: path + "/log/data.mdb") }

  @Test func `is found by verify in every record, whose position it names`() throws {
    var numbers = SeededNumbers(seed: seed)
    let intact = try Data(contentsOf: file)
    #expect(try QuotalogCommand.run(["verify"], data: path).code == 0)
    for record in records {
      let offset = Int(numbers.number(0...Int64(record.bytes.count - 1)))
      try damaged(intact, record, at: offset, by: 1 << UInt8(numbers.number(0...7))).write(to: file)
      let outcome = try QuotalogCommand.run(["verify"], data: path)
      let place = "position \(record.position), byte \(offset), seed \(seed)"
      #expect(outcome.code == 65, "\(place): \(outcome.output)")
      #expect(outcome.complaint.contains("position \(record.position):"), "\(place)")
    }
    try intact.write(to: file)
    #expect(try QuotalogCommand.run(["verify"], data: path).code == 0)
  }

  @Test func `is found wherever it is in a record`() throws {
    let intact = try Data(contentsOf: file)
    for record in [records[0], records[records.count / 2], records[records.count - 1]] {
      for offset in record.bytes.indices {
        try damaged(intact, record, at: offset, by: 0x10).write(to: file)
        #expect("position \(record.position), byte \(offset), seed \(seed)") {
          try Store.verifyLog(at: path)
        } throws: { error in
          guard case .log(.damaged(at: record.position, _)) = error as? StoreFailure else {
            return false
          }
          return true
        }
      }
    }
  }

  /// The file with one byte changed in every copy of the record; pages that are not used any more
  /// may hold some.
  private func damaged(
    _ content: Data, _ record: LoggedRecord, at offset: Int, by bits: UInt8
  ) throws -> Data {
    var content = content
    var start = content.startIndex
    var copyCount = 0
    while let found = content.range(of: Data(record.bytes), in: start..<content.endIndex) {
      content[found.lowerBound + offset] ^= bits
      start = found.upperBound
      copyCount += 1
    }
    try #require(copyCount > 0)
    return content
  }
}

/// A record as the log holds it.
struct LoggedRecord {
  let position: Position
  let bytes: [UInt8]

  static func all(of log: LMDBLog) throws -> [LoggedRecord] {
    var records: [LoggedRecord] = []
    for segment in try log.read(after: .zero, maximumByteCount: .max) {
      var rest = segment.records[...]
      while let low = rest.first, let high = rest.dropFirst().first {
        let bytes = Array(rest.prefix(Int(low) | Int(high) << 8))
        let position = segment.firstPosition.advanced(by: records.count)
        records.append(LoggedRecord(position: position, bytes: bytes))
        rest = rest.dropFirst(bytes.count)
      }
    }
    return records
  }
}
