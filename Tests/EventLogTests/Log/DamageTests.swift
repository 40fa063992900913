import EventLog
import LMDB
import QuotaModel
import TestSupport
import Testing

@Suite struct `A damaged log` {
  @Test func `is found by a chunk that is missing, whichever it is but the last`() throws {
    for index in 0..<4 {
      let sketch = try TestLog(segmentsOf: [2, 3, 4, 5, 6])
      let chunks = try sketch.chunks()
      let first = Self.position(of: chunks[index].key)
      try sketch.remove(chunks[index].key)
      #expect(try sketch.scanFailure() == .damaged(at: first, .missing))
      #expect(try sketch.scanFailure(after: first) == .damaged(at: first.next, .missing))
    }
  }

  @Test func `is found by chunks that have changed places`() throws {
    let sketch = try TestLog(segmentsOf: [2, 2, 2])
    let chunks = try sketch.chunks()
    try sketch.put(chunks[2].value, under: chunks[1].key)
    try sketch.put(chunks[1].value, under: chunks[2].key)
    #expect(
      try sketch.scanFailure() == .damaged(at: Position(3), .otherPosition(found: 5)))
    #expect(
      try sketch.scanFailure(after: Position(4))
        == .damaged(at: Position(5), .otherPosition(found: 3)))
  }

  @Test func `is found by a record that says another position`() throws {
    let sketch = try TestLog(segmentsOf: [2])
    let event = EventExamples.event(9, .userDeactivated(EventExamples.ada))
    try sketch.open().appendAtHead([event])
    #expect(
      try sketch.scanFailure() == .damaged(at: Position(3), .otherPosition(found: 9)))
  }

  @Test func `is found by a time that goes back`() throws {
    let sketch = try TestLog()
    let log = try sketch.open()
    let times: [Int64] = [5, 5, 7, 6]
    for (index, time) in times.enumerated() {
      let position = UInt64(index + 1)
      try log.appendAtHead([
        EventExamples.event(position, .userDeactivated(EventExamples.ada), recordedAt: time)
      ])
    }
    #expect(throws: LogFailure.damaged(at: Position(4), .timeGoesBack)) {
      try log.scan(after: .zero) { _ in .proceed }
    }
  }

  @Test func `is found by any bit that differs`() throws {
    var numbers = SeededNumbers()
    let sketch = try TestLog(segmentsOf: [3, 30, 3], seed: numbers.seed)
    let chunk = try sketch.chunks()[1]
    let frame = Array(0..<32)
    let others = (0..<200).map { _ in
      Int.random(in: 32..<chunk.value.count * 8, using: &numbers)
    }
    for bit in frame + others {
      try sketch.put(chunk.value.flipping(bit: bit), under: chunk.key)
      guard case .damaged(let position, _) = try sketch.scanFailure() else {
        Issue.record("bit \(bit) was not noticed, seed \(numbers.seed)")
        continue
      }
      #expect((4...34).contains(position.rawValue), "bit \(bit), seed \(numbers.seed)")
    }
  }

  @Test func `is found at the very record that differs`() throws {
    let sketch = try TestLog()
    let events = (1...40).map { EventExamples.event($0, .userDeactivated(EventExamples.ada)) }
    try sketch.open().appendAtHead(events)
    let chunk = try sketch.chunks()[0]
    let length = encoded(events[0]).count
    for index in [0, 1, 17, 39] {
      let bit = (4 + index * length + 20) * 8
      try sketch.put(chunk.value.flipping(bit: bit), under: chunk.key)
      let position = Position(UInt64(index + 1))
      #expect(try sketch.scanFailure() == .damaged(at: position, .checksumDiffers))
      let log = try sketch.open()
      #expect(throws: LogFailure.damaged(at: position, .checksumDiffers)) {
        try log.event(at: position)
      }
    }
  }

  @Test func `is found by a chunk that is cut or longer than its records`() throws {
    let sketch = try TestLog(segmentsOf: [3])
    let chunk = try sketch.chunks()[0]
    for changed in [chunk.value + [0], chunk.value + encoded(EventExamples.first)] {
      try sketch.put(changed, under: chunk.key)
      #expect(try sketch.scanFailure() == .damaged(at: Position(4), .chunkMalformed))
    }
    try sketch.put(Array(chunk.value.dropLast()), under: chunk.key)
    #expect(try sketch.scanFailure() == .damaged(at: Position(3), .truncated))
  }

  @Test(arguments: [[0xFF], [0, 0, 0, 0, 0, 0, 0, 9, 9]] as [[UInt8]])
  func `is found by an entry that is no chunk`(key: [UInt8]) throws {
    let sketch = try TestLog(segmentsOf: [4])
    try sketch.put([1], under: key)
    #expect(try sketch.scanFailure() == .damaged(at: Position(5), .chunkMalformed))
  }

  @Test func `is found by a record of a newer program`() throws {
    let sketch = try TestLog(segmentsOf: [2])
    let record = encoded(EventExamples.event(3, .userDeactivated(EventExamples.ada)))
    for (offset, damage) in [(2, RecordDamage.unknownVersion(77)), (3, .unknownKind(77))] {
      let newer = resealed(record) { $0[offset] = 77 }
      try sketch.put([1, 0, 1, 0] + newer, under: [0, 0, 0, 0, 0, 0, 0, 3])
      #expect(try sketch.scanFailure() == .damaged(at: Position(3), damage))
    }
  }

  @Test func `still shows what lies before the damage`() throws {
    let sketch = try TestLog(segmentsOf: [2, 3, 4])
    try sketch.remove(sketch.chunks()[1].key)
    let log = try sketch.open()
    var shown: [UInt64] = []
    #expect(throws: LogFailure.damaged(at: Position(3), .missing)) {
      try log.scan(after: .zero) { record in
        shown.append(record.position.rawValue)
        return .proceed
      }
    }
    #expect(shown == [1, 2])
    #expect(try log.events(after: Position(5)).count == 4)
  }

  private static func position(of key: [UInt8]) -> Position {
    Position(key.reduce(0) { $0 << 8 | UInt64($1) })
  }
}
