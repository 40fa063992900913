import LMDB
import QuotaModel
import TestSupport
import Testing

@testable import EventLog

@Suite struct `Bytes with a checksum that fits` {
  /// Any byte of the head or the body replaced by any value: what is still a record is one that this
  /// program would have written.
  @Test(arguments: EventExamples.all) func `are no record unless it is encoded to them`(
    example: EventExample
  ) {
    let record = encoded(example.event)
    for place in 2..<record.count - RecordFormat.checksumByteCount {
      for value in Self.values(instead: record[place]) {
        let bytes = resealed(record) { $0[place] = value }
        #expect(Self.isRefusedOrCanonical(bytes), "byte \(place) is \(value)")
      }
    }
  }

  @Test(arguments: EventExamples.all) func `are no record where they are cut or drawn out`(
    example: EventExample
  ) {
    let record = encoded(example.event)
    for count in 0..<record.count - 8 - 32 {
      let bytes = resealed(record) { $0.removeLast(count) }
      #expect(Self.isRefusedOrCanonical(bytes), "cut by \(count)")
    }
    for value in [0, 1, 0x80, 0xFF] as [UInt8] {
      #expect(damage(of: resealed(record) { $0.append(value) }) == .malformed)
    }
  }

  @Test func `are a record in one way only, whatever is drawn`() {
    var events = RandomEvents(numbers: SeededNumbers())
    for number in 0..<10_000 {
      let record = encoded(events.event(at: Position(UInt64(number))))
      let bytes = resealed(record) { bytes in
        for _ in 0...events.int(2) {
          let place = 32 + events.int(bytes.count - 31)
          let value = events.one(of: [0, 1, 2, 0x7F, 0x80, 0xFF, UInt8(events.int(256))])
          if place < bytes.count, events.int(3) > 0 {
            bytes[place] = value
          } else {
            bytes.insert(value, at: min(place, bytes.count))
          }
        }
      }
      guard bytes.count <= RecordFormat.maximumByteCount else { continue }
      #expect(Self.isRefusedOrCanonical(bytes), "seed \(events.numbers.seed)")
    }
  }

  private static func values(instead value: UInt8) -> [UInt8] {
    [0, 1, 2, 0x7F, 0x80, 0xFF, value &+ 1, value &- 1, value ^ 0x80, value ^ 0x20]
      .filter { $0 != value }
  }

  /// What `verify` finds, which makes no event of most records.
  private static func isContentWhole(_ bytes: [UInt8]) -> Bool {
    do throws(RecordDamage) {
      try RecordView(checking: bytes.rawBytes).checkContent()
      return true
    } catch {
      return false
    }
  }

  private static func isRefusedOrCanonical(_ bytes: [UInt8]) -> Bool {
    guard let event = try? decoded(bytes) else { return !isContentWhole(bytes) }
    return encoded(event) == bytes && isContentWhole(bytes)
  }
}

@Suite struct `A number in a record` {
  @Test func `is refused where it has zeros behind its last digit`() {
    let record = encoded(EventExamples.event(1, EventExamples.spent(total: 5)))
    let longer = resealed(record) { bytes in
      let last = bytes.removeLast()
      bytes += [last | 0x80, 0x80, 0]
    }
    #expect(damage(of: longer) == .malformed)
  }
}
