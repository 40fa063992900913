import EventLog
import Evidence
import LMDB
import QuotaModel
import TestSupport
import Testing

@Suite struct `The verification of a log` {
  static let origin = "quota.example/log"

  static func key(_ seed: UInt8 = 1) throws -> SigningKey {
    let name = try #require(KeyName(origin))
    return try #require(SigningKey(name: name, seed: [UInt8](repeating: seed, count: 32)))
  }

  /// A log of 700 records with checkpoints of 100, 512 and 700 of them.
  static func sketch() throws -> TestLog {
    let sketch = try TestLog(segmentsOf: [100, 412, 188])
    let log = try sketch.open()
    for size in [100, 512, 700] { try log.keep(TreeSize(UInt64(size)), try key()) }
    return sketch
  }

  private static func verify(
    _ sketch: TestLog, kept: [KeptCheckpoint] = []
  ) throws -> LogVerification.Report {
    let log = try sketch.open(.reading)
    return try LogVerification(
      of: log, origin: origin, keys: [key().verifyingKey], kept: kept
    ).run()
  }

  /// What the verification says; nil where it finds nothing.
  static func finding(_ sketch: TestLog, kept: [KeptCheckpoint] = []) throws -> LogFailure? {
    do {
      _ = try verify(sketch, kept: kept)
      return nil
    } catch let failure as LogFailure {
      return failure
    }
  }

  /// A checkpoint from elsewhere, signed.
  static func kept(_ checkpoint: Checkpoint) throws -> KeptCheckpoint {
    KeptCheckpoint(.file("kept"), Array(try checkpoint.signed(by: key()).string.utf8))
  }

  @Test func `tells the root and how many checkpoints agree`() throws {
    let sketch = try Self.sketch()
    let root = try sketch.open(.reading).root(of: 700)
    let report = try Self.verify(sketch)
    #expect(report.head == Position(700))
    #expect(report.root == root)
    #expect(report.checkpointCount == 3)
    #expect(report.hasTree)
  }

  @Test func `names the record of any bit that was flipped`() throws {
    var numbers = SeededNumbers()
    let sketch = try Self.sketch()
    let chunks = try sketch.chunks()
    for _ in 0..<60 {
      let chunk = chunks[Int.random(in: 0..<chunks.count, using: &numbers)]
      let bit = Int.random(in: 0..<chunk.value.count * 8, using: &numbers)
      try sketch.put(chunk.value.flipping(bit: bit), under: chunk.key)
      guard case .damaged = try Self.finding(sketch) else {
        Issue.record("bit \(bit) of the chunk was not noticed, seed \(numbers.seed)")
        continue
      }
      try sketch.put(chunk.value, under: chunk.key)
    }
    #expect(try Self.finding(sketch) == nil)
  }

  /// Somebody who knows the format: checksum, position and time are right, and the amount is not.
  @Test func `finds a record that was rewritten with everything that it takes`() throws {
    let sketch = try Self.sketch()
    let changed = try sketch.rewrite(Position(300))
    #expect(
      try Self.finding(sketch)
        == .treeDiffers(
          .tileDiffers(TileID(level: 0, index: 1), record: changed)))
  }

  @Test func `finds records that have changed places`() throws {
    let sketch = try Self.sketch()
    let place = try sketch.swapRecords(behind: 100)
    guard case .damaged(at: place, .otherPosition) = try Self.finding(sketch) else {
      Issue.record("the records at \(place) were not noticed")
      return
    }
  }

  @Test func `finds records that have changed places and positions`() throws {
    let sketch = try Self.sketch()
    let place = try sketch.swapRecords(behind: 100, withPositions: true)
    guard case .treeDiffers(.tileDiffers(_, record: place)) = try Self.finding(sketch) else {
      Issue.record("the records at \(place) were not noticed")
      return
    }
  }

  @Test func `finds a rewritten record behind the last full tile by a checkpoint`() throws {
    let sketch = try Self.sketch()
    _ = try sketch.rewrite(Position(650))
    guard case .treeDiffers(.checkpoint(.log(700), .otherRoot)) = try Self.finding(sketch) else {
      Issue.record("the record was not noticed")
      return
    }
  }

  @Test func `finds a rewritten record whose tree was rewritten, too`() throws {
    let sketch = try Self.sketch()
    _ = try sketch.rewrite(Position(300))
    try sketch.open().rebuildTree()
    guard case .treeDiffers(.checkpoint(.log(512), .otherRoot)) = try Self.finding(sketch) else {
      Issue.record("the record was not noticed")
      return
    }
  }

  @Test(arguments: ["tiles", "nodes"]) func `finds any changed byte of the tree`(
    table: String
  ) throws {
    var numbers = SeededNumbers()
    let sketch = try Self.sketch()
    let entries = try sketch.entries(of: table)
    for _ in 0..<20 {
      let entry = entries[Int.random(in: 0..<entries.count, using: &numbers)]
      let bit = Int.random(in: 0..<entry.value.count * 8, using: &numbers)
      try sketch.set(entry.value.flipping(bit: bit), under: entry.key, in: table)
      guard case .treeDiffers(.tileDiffers) = try Self.finding(sketch) else {
        Issue.record("bit \(bit) of \(entry.key) was not noticed, seed \(numbers.seed)")
        continue
      }
      try sketch.set(entry.value, under: entry.key, in: table)
    }
  }

  @Test(arguments: ["tiles", "nodes"]) func `finds a piece of the tree that is missing`(
    table: String
  ) throws {
    let sketch = try Self.sketch()
    let first = try #require(try sketch.entries(of: table).first)
    try sketch.change(tree: table) { transaction, table in
      try transaction.remove(first.key.rawBytes, from: table)
    }
    guard case .treeDiffers(.tileMissing) = try Self.finding(sketch) else {
      Issue.record("the piece was not missed")
      return
    }
  }

  @Test func `finds a checkpoint that was replaced by a true one of another size`() throws {
    let sketch = try Self.sketch()
    let entries = try sketch.entries(of: "checkpoints")
    try sketch.set(entries[0].value, under: entries[1].key, in: "checkpoints")
    #expect(
      try Self.finding(sketch)
        == .treeDiffers(.checkpoint(.log(512), .misplaced(under: 512, found: 100))))
  }

  @Test func `finds a checkpoint of another root, signed by the same key`() throws {
    let sketch = try Self.sketch()
    let root = try sketch.open(.reading).root(of: 511)
    let checkpoint = try Checkpoint(origin: Self.origin, size: 512, root: root)
    let note = try checkpoint.signed(by: Self.key())
    try sketch.open().store(StoredCheckpoint(note, size: 512))
    guard
      case .treeDiffers(.checkpoint(.log(512), .otherRoot(512, signed: root, computed: _))) =
        try Self.finding(sketch)
    else {
      Issue.record("the checkpoint was not noticed")
      return
    }
  }

  @Test func `finds a forged signature`() throws {
    let sketch = try Self.sketch()
    try sketch.open().keep(512, try Self.key(2))
    #expect(
      try Self.finding(sketch)
        == .treeDiffers(.checkpoint(.log(512), .refused(.note(.unknownKeys)))))
    var note = try #require(try sketch.entries(of: "checkpoints").first)
    note.value[note.value.count - 10] = note.value[note.value.count - 10] == 65 ? 66 : 65
    try sketch.set(note.value, under: note.key, in: "checkpoints")
    let key = try Self.key().verifyingKey
    #expect(
      try Self.finding(sketch)
        == .treeDiffers(
          .checkpoint(.log(100), .refused(.note(.wrongSignature(key.name, key.id))))))
  }

  @Test func `finds a log that ends before what was signed`() throws {
    let sketch = try Self.sketch()
    let last = try #require(try sketch.chunks().last)
    try sketch.remove(last.key)
    let head = try sketch.open(.reading).head()
    #expect(
      try Self.finding(sketch) == .treeDiffers(.recordsMissing(head: head, tree: 700)))
  }

  @Test func `finds a log that was rolled back as a whole by a checkpoint from elsewhere`() throws {
    let log = try TestLog(segmentsOf: [50]).open()
    let signed = try Checkpoint(origin: Self.origin, size: 50, root: try log.root(of: 50))
    let older = try TestLog(segmentsOf: [40])
    #expect(
      try Self.finding(older, kept: [Self.kept(signed)])
        == .treeDiffers(.checkpoint(.file("kept"), .beyondEnd(50, head: 40))))
  }

  @Test func `finds a log whose past differs from a checkpoint from elsewhere`() throws {
    let sketch = try TestLog(segmentsOf: [50])
    let other = try TestLog(segmentsOf: [40, 60])
    let root = try sketch.open(.reading).root(of: 50)
    let signed = try Checkpoint(origin: Self.origin, size: 50, root: root)
    guard
      case .treeDiffers(.checkpoint(.file("kept"), .otherRoot(50, signed: root, computed: _))) =
        try Self.finding(other, kept: [Self.kept(signed)])
    else {
      Issue.record("the other past was not noticed")
      return
    }
  }

  @Test func `of an empty log is fine`() throws {
    let report = try Self.verify(try TestLog())
    #expect(report.head == .zero)
    #expect(report.root == .emptyTree)
  }
}

extension LMDBLog {
  /// Signs and keeps a checkpoint.
  fileprivate func keep(_ size: TreeSize, _ key: SigningKey) throws {
    let checkpoint = try Checkpoint(
      origin: `The verification of a log`.origin, size: size, root: try root(of: size))
    try store(StoredCheckpoint(try checkpoint.signed(by: key), size: size))
  }
}

extension TestLog {
  func entries(of table: String) throws -> [(key: [UInt8], value: [UInt8])] {
    let environment = try Environment(
      path: path, options: .init(durability: .synced, isReadOnly: true, tables: [table]))
    let transaction = try environment.beginRead()
    var cursor = try transaction.cursor(in: environment.table(table))
    var entries: [(key: [UInt8], value: [UInt8])] = []
    while let entry = try cursor.next() {
      entries.append((Array(copying: entry.key), Array(copying: entry.value)))
    }
    return entries
  }

  func set(_ value: [UInt8], under key: [UInt8], in table: String) throws {
    try change(tree: table) { transaction, table in
      try transaction.put(value.rawBytes, under: key.rawBytes, in: table)
    }
  }

  /// Has the first two records of a chunk change places, the first chunk behind a position; answers the
  /// position of the first. With positions each says that it was always there.
  fileprivate func swapRecords(
    behind position: UInt64, withPositions: Bool = false
  ) throws -> Position {
    let chunk = try chunks().first { $0.key.reduce(0) { $0 << 8 | UInt64($1) } > position }
    guard let chunk else { throw LogFailure.other("there is no such chunk") }
    var events: [Event] = []
    var offset = 4
    while offset < chunk.value.count {
      let length = Int(chunk.value[offset]) | Int(chunk.value[offset + 1]) << 8
      events.append(try Event(record: Array(chunk.value[offset..<offset + length])))
      offset += length
    }
    let first = events[0].position
    events.swapAt(0, 1)
    if withPositions {
      let times = [events[1].recordedAt, events[0].recordedAt]
      for place in 0..<2 {
        events[place].position = first.advanced(by: place)
        events[place].recordedAt = times[place]
      }
    }
    var batch = RecordBatch()
    for event in events { batch.append(event) }
    try put(Array(chunk.value[..<4]) + batch.bytes, under: chunk.key)
    return first
  }

  /// Gives a record near `position` another content of the same length, with the right checksum; answers
  /// which one it was.
  fileprivate func rewrite(_ position: Position) throws -> Position {
    for chunk in try chunks().reversed() {
      let first = chunk.key.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard first <= position.rawValue else { continue }
      let count = Int(chunk.value[2]) | Int(chunk.value[3]) << 8
      var batch = RecordBatch()
      var offset = 4
      var changed: Position?
      for index in 0..<count {
        let length = Int(chunk.value[offset]) | Int(chunk.value[offset + 1]) << 8
        var event = try Event(record: Array(chunk.value[offset..<offset + length]))
        if first + UInt64(index) == position.rawValue {
          event.happenedAt = Moment(microseconds: event.happenedAt.microseconds ^ 1)
          changed = event.position
        }
        batch.append(event)
        offset += length
      }
      guard let changed else { continue }
      try put(Array(chunk.value[..<4]) + batch.bytes, under: chunk.key)
      return changed
    }
    throw LogFailure.other("there is no such record")
  }
}
