import EventLog
import LMDB
import QuotaModel
import TestSupport
import Testing

@Suite struct `An append` {
  @Test func `is in the log, and still there when it is opened again`() throws {
    let sketch = try TestLog()
    var stream = EventStream()
    let events = (0..<300).map { _ in stream.next() }
    do {
      let log = try sketch.open()
      try log.appendAtHead(Array(events.prefix(1)))
      try log.appendAtHead(Array(events.dropFirst()))
      #expect(try log.events() == events, "seed \(stream.seed)")
    }
    #expect(try sketch.open(.reading).events() == events, "seed \(stream.seed)")
  }

  @Test func `moves the head by its count`() throws {
    let log = try TestLog(segmentsOf: [3, 1, 40]).open()
    #expect(try log.head() == Position(44))
  }

  @Test func `of an empty log starts at one`() throws {
    let log = try TestLog().open()
    #expect(try log.head() == .zero)
    try log.append([EventExamples.first], behind: .zero)
    #expect(try log.event(at: Position(1)) == EventExamples.first)
  }

  @Test(arguments: [0, 3, 5, 100]) func `behind a head that is not the log's changes nothing`(
    head: UInt64
  ) throws {
    let sketch = try TestLog(segmentsOf: [4])
    let log = try sketch.open()
    let before = try log.events()
    #expect(throws: LogFailure.endsElsewhere(at: Position(4))) {
      try log.append([before[0]], behind: Position(head))
    }
    #expect(try log.events() == before)
  }

  @Test func `is refused by a log that was opened for reading`() throws {
    let sketch = try TestLog(segmentsOf: [1])
    let log = try sketch.open(.reading)
    #expect(throws: LogFailure.permissionDenied(path: sketch.path)) {
      try log.append([EventExamples.first], behind: Position(1))
    }
  }

  /// What a damaged or foreign file can have as its last entry.
  @Test(
    arguments: [
      ([0xFF], [1]), ([0, 0, 0, 0, 0, 0, 0, 9], []), ([0, 0, 0, 0, 0, 0, 0, 9], [1, 0, 1, 0]),
      ([0, 0, 0, 0, 0, 0, 0, 9], [2, 0, 1, 0, 9]), ([0, 0, 0, 0, 0, 0, 0, 9], [1, 0, 0, 0, 9]),
      ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 2, 0, 9]),
      ([0, 0, 0, 0, 0, 0, 0, 9, 0], [1, 0, 1, 0, 9]),
    ] as [([UInt8], [UInt8])])
  func `is refused behind an entry that is no chunk`(key: [UInt8], value: [UInt8]) throws {
    let sketch = try TestLog(segmentsOf: [4])
    try sketch.put(value, under: key)
    let before = try sketch.chunks().map(\.value)
    do {
      let log = try sketch.open()
      #expect(throws: LogFailure.corrupted(path: sketch.path)) { try log.head() }
      #expect(throws: LogFailure.corrupted(path: sketch.path)) {
        try log.append([EventExamples.first], behind: Position(4))
      }
    }
    #expect(try sketch.chunks().map(\.value) == before)
  }
}

@Suite struct `The chunks of a log` {
  @Test func `hold whole records without a gap, in at most 4,080 bytes`() throws {
    var numbers = SeededNumbers()
    let sizes = (0..<60).map { _ in Int.random(in: 1...40, using: &numbers) }
    let sketch = try TestLog(segmentsOf: sizes, seed: numbers.seed)
    let chunks = try sketch.chunks()
    #expect(chunks.count > 60, "some segments need more than one chunk")
    var next: UInt64 = 1
    for chunk in chunks {
      #expect(chunk.value.count <= 4080, "seed \(numbers.seed)")
      #expect(chunk.key == Self.bigEndian(next), "seed \(numbers.seed)")
      let positions = try Self.positions(in: chunk.value)
      #expect(positions == positions.indices.map { next + UInt64($0) }, "seed \(numbers.seed)")
      #expect(Array(chunk.value.prefix(4)) == [1, 0, UInt8(positions.count), 0])
      next += UInt64(positions.count)
    }
    #expect(next == UInt64(sizes.reduce(1, +)), "seed \(numbers.seed)")
  }

  @Test func `are filled as far as whole records go`() throws {
    let log = try TestLog(segmentsOf: [])
    let events = (1...100).map { EventExamples.event($0, .userDeactivated(EventExamples.ada)) }
    try log.open().appendAtHead(events)
    let record = encoded(events[0]).count
    let counts = try log.chunks().map { try Self.positions(in: $0.value).count }
    #expect(counts == [4076 / record, 100 - 4076 / record])
  }

  @Test func `hold the largest record that there can be`() throws {
    let sketch = try TestLog()
    let longest = EventExamples.event(
      1, .spendRefused(EventExamples.longestRefusal), actor: .user(EventExamples.ada),
      requestID: String(repeating: "x", count: 456), reason: String(repeating: "x", count: 806))
    #expect(encoded(longest).count == 4072)
    try sketch.open().appendAtHead([longest])
    #expect(try sketch.open().events() == [longest])
  }

  private static func bigEndian(_ number: UInt64) -> [UInt8] {
    stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
  }

  /// What the records of a chunk say, read by their lengths to the chunk's last byte.
  private static func positions(in chunk: [UInt8]) throws -> [UInt64] {
    var positions: [UInt64] = []
    var rest = Array(chunk.dropFirst(4))
    while !rest.isEmpty {
      let length = Int(rest[0]) | Int(rest[1]) << 8
      positions.append(try decoded(rest).position.rawValue)
      rest.removeFirst(length)
    }
    return positions
  }
}
