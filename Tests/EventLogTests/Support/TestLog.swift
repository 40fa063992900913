import EventLog
import LMDB
import QuotaModel
import TestSupport

/// A log in a directory of its own, and the raw environment behind it.
///
/// Only one of both may be open at a time, as everywhere in one process.
struct TestLog {
  static let identity = LogIdentity(
    id: UserID(high: 7, low: 8), createdAt: Moment(microseconds: 1_700_000_000_000_000))

  let directory = TemporaryDirectory()
  var path: String { directory.path }

  /// Makes the log with events in segments of the given sizes.
  init(segmentsOf sizes: [Int] = [], seed: UInt64? = nil) throws {
    try LMDBLog.create(at: directory.path, identity: Self.identity)
    let log = try LMDBLog(at: directory.path, mode: .appending)
    var events = EventStream(seed: seed)
    for size in sizes { try log.appendAtHead((0..<size).map { _ in events.next() }) }
  }

  func open(_ mode: LMDBLog.Mode = .appending) throws(LogFailure) -> LMDBLog {
    try LMDBLog(at: directory.path, mode: mode)
  }

  /// Why a scan of the whole log fails; nil where it does not.
  func scanFailure(after position: Position = .zero) throws -> LogFailure? {
    let log = try open(.reading)
    do throws(LogFailure) {
      try log.scan(after: position) { _ in .proceed }
      return nil
    } catch {
      return error
    }
  }

  /// Changes the environment behind the log's back.
  func change(_ body: (inout WriteTransaction, Table, Table) throws -> Void) throws {
    let environment = try Environment(
      path: path, options: .init(durability: .synced, tables: ["events", "meta"]))
    var transaction = try environment.beginWrite()
    try body(&transaction, environment.table("events"), environment.table("meta"))
    try transaction.commit()
  }

  /// Changes one of the tables of the tree behind the log's back.
  func change(tree name: String, _ body: (inout WriteTransaction, Table) throws -> Void) throws {
    let environment = try Environment(
      path: path, options: .init(durability: .synced, tables: [name]))
    var transaction = try environment.beginWrite()
    try body(&transaction, environment.table(name))
    try transaction.commit()
  }

  /// Every chunk under its key, as it is stored.
  func chunks() throws -> [(key: [UInt8], value: [UInt8])] {
    let environment = try Environment(
      path: path,
      options: .init(durability: .synced, isReadOnly: true, tables: ["events", "meta"]))
    let transaction = try environment.beginRead()
    var cursor = try transaction.cursor(in: environment.table("events"))
    var chunks: [(key: [UInt8], value: [UInt8])] = []
    while let entry = try cursor.next() {
      chunks.append((Array(copying: entry.key), Array(copying: entry.value)))
    }
    return chunks
  }

  func put(_ value: [UInt8], under key: [UInt8]) throws {
    try change { transaction, events, _ in
      try transaction.put(value.rawBytes, under: key.rawBytes, in: events)
    }
  }

  func remove(_ key: [UInt8]) throws {
    try change { transaction, events, _ in
      try transaction.remove(key.rawBytes, from: events)
    }
  }
}

/// Random events one behind the other, as a log takes them.
struct EventStream {
  private var events: RandomEvents
  private var position = Position.zero

  init(seed: UInt64? = nil) {
    events = RandomEvents(numbers: seed.map { SeededNumbers(seed: $0) } ?? SeededNumbers())
  }

  var seed: UInt64 { events.numbers.seed }

  mutating func next() -> Event {
    position = position.next
    var event = events.event(at: position)
    event.recordedAt = Moment(microseconds: Int64(position.rawValue))
    return event
  }
}

extension LMDBLog {
  /// Appends events behind the head.
  func appendAtHead(_ events: [Event]) throws {
    try append(events, behind: head())
  }

  func append(_ events: [Event], behind head: Position) throws(LogFailure) {
    try append(Segment(events, behind: head))
  }

  /// Every event behind a position, by a scan.
  func events(after position: Position = .zero) throws -> [Event] {
    var events: [Event] = []
    try scan(after: position) { (record) throws(RecordDamage) in
      events.append(try record.event())
      return .proceed
    }
    return events
  }
}

extension Segment {
  init(_ events: [Event], behind head: Position) {
    var batch = RecordBatch()
    for event in events { batch.append(event) }
    self.init(firstPosition: head.next, count: batch.count, records: batch.bytes)
  }
}
