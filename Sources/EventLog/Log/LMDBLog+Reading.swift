internal import LMDB
public import QuotaModel

extension LMDBLog {
  /// Chunks that a scan reads before it renews its read transaction, so that a long scan beside a
  /// writer does not keep old pages alive.
  private static let chunksPerTransaction = 4096

  /// Shows every record after `position` to `body`, in order and in place, until it says stop.
  ///
  /// Every record's checksum, position and time order has been checked when `body` sees it.
  public func scan<Failure: FailureOfReading>(
    after position: Position, _ body: (borrowing RecordView) throws(Failure) -> ScanStep
  ) throws(Failure) {
    var progress = ScanProgress<Failure>(after: position)
    while try scanSome(of: store, &progress, body) {}
    if let failure = progress.failure { throw failure }
  }

  /// The same for a body that fails at most where a record is damaged.
  public func scan(
    after position: Position, _ body: (borrowing RecordView) throws(RecordDamage) -> ScanStep
  ) throws(LogFailure) {
    try scan(after: position) { (record) throws(LogFailure) in
      do throws(RecordDamage) { return try body(record) } catch {
        throw .damaged(at: record.position, error)
      }
    }
  }

  /// Committed segments after a position, in order, without gaps; empty at the head.
  ///
  /// Answers at least one segment where there is one, and stops before `maximumByteCount` is passed.
  public func read(
    after position: Position, maximumByteCount: Int
  ) throws(LogFailure) -> [Segment] {
    var batch = RecordBatch()
    try scan(after: position) { record in
      if !batch.isEmpty, batch.bytes.count + record.bytes.byteCount > maximumByteCount {
        return .stop
      }
      batch.append(encoded: record)
      return .proceed
    }
    guard !batch.isEmpty else { return [] }
    return [
      Segment(firstPosition: position.next, count: batch.count, records: batch.bytes)
    ]
  }

  /// The event at `position`, or nil past the head.
  public func event(at position: Position) throws(LogFailure) -> Event? {
    guard position > .zero else { return nil }
    var event: Event?
    try scan(after: Position(position.rawValue - 1)) { (record) throws(RecordDamage) in
      event = try record.event()
      return .stop
    }
    return event
  }

  /// Shows the records at `positions`, which ascend, one after the other, until `body` says stop.
  ///
  /// Of the records beside them nothing but the length is read, so that each costs about a microsecond
  /// wherever it lies. One transaction is held for a few thousand of them.
  public func records<Failure: FailureOfReading>(
    at positions: some Sequence<Position>,
    _ body: (borrowing RecordView) throws(Failure) -> ScanStep
  ) throws(Failure) {
    var rest = positions.makeIterator()
    var next = rest.next()
    while next != nil {
      var result = Result<ScanStep, Failure>.success(.proceed)
      do throws(LMDBError) {
        let transaction = try store.environment.beginRead()
        var cursor = try transaction.cursor(in: store.events)
        var count = 0
        while let position = next, count < Self.chunksPerTransaction {
          result = show(position, in: try cursor.chunk(holding: position), body)
          guard case .success(.proceed) = result else { break }
          next = rest.next()
          count += 1
        }
      } catch {
        throw Failure(LogFailure(error, path: path))
      }
      if try result.get() == .stop { return }
    }
  }

  /// The same for a body that fails at most where a record is damaged.
  public func records(
    at positions: some Sequence<Position>,
    _ body: (borrowing RecordView) throws(RecordDamage) -> ScanStep
  ) throws(LogFailure) {
    try records(at: positions) { (record) throws(LogFailure) in
      do throws(RecordDamage) { return try body(record) } catch {
        throw .damaged(at: record.position, error)
      }
    }
  }

  /// Shows one record of the chunk that holds it.
  private func show<Failure: FailureOfReading>(
    _ position: Position, in chunk: Entry?,
    _ body: (borrowing RecordView) throws(Failure) -> ScanStep
  ) -> Result<ScanStep, Failure> {
    do throws(RecordDamage) {
      guard let chunk, let first = Chunk.position(ofKey: chunk.key), first <= position,
        let count = Chunk.count(in: chunk.value)
      else { throw .missing }
      let index = Int(position.rawValue - first.rawValue)
      guard index < count else { throw .missing }
      var offset = Chunk.headerByteCount
      for _ in 0..<index {
        guard offset + 2 <= chunk.value.byteCount else { throw .chunkMalformed }
        offset += Int(chunk.value.byte(at: offset)) | Int(chunk.value.byte(at: offset + 1)) << 8
      }
      guard offset <= chunk.value.byteCount else { throw .chunkMalformed }
      let record = try RecordView(
        checking: chunk.value.extracting(offset..<chunk.value.byteCount))
      guard record.position == position else {
        throw .otherPosition(found: record.position.rawValue)
      }
      do throws(Failure) { return .success(try body(record)) } catch { return .failure(error) }
    } catch {
      return .failure(Failure(.damaged(at: position, error)))
    }
  }

  /// What the clock showed when the event at `position` was decided; nil past the head.
  public func clock(at position: Position) throws(LogFailure) -> Moment? {
    try times(at: position)?.clock
  }

  /// When the record at `position` was recorded; nil past the head.
  public func recordedAt(_ position: Position) throws(LogFailure) -> Moment? {
    try times(at: position)?.recordedAt
  }

  private func times(
    at position: Position
  ) throws(LogFailure) -> (recordedAt: Moment, clock: Moment)? {
    guard position > .zero, try position <= head() else { return nil }
    var times: (recordedAt: Moment, clock: Moment)?
    try records(at: [position]) { record in
      times = (record.recordedAt, record.clock)
      return .stop
    }
    return times
  }

  /// The last position that was recorded at `moment` or before; zero where there is none.
  public func lastPosition(recordedBy moment: Moment) throws(LogFailure) -> Position {
    var low: UInt64 = 0
    var high = try head().rawValue
    while low < high {
      let middle = low + (high - low + 1) / 2
      guard let recordedAt = try recordedAt(Position(middle)) else { break }
      if recordedAt <= moment { low = middle } else { high = middle - 1 }
    }
    return Position(low)
  }

  /// Scans within one read transaction; answers whether there is more to do.
  private func scanSome<Failure: FailureOfReading>(
    of store: LogStore, _ progress: inout ScanProgress<Failure>,
    _ body: (borrowing RecordView) throws(Failure) -> ScanStep
  ) throws(Failure) -> Bool {
    var chunkCount = 0
    do throws(LMDBError) {
      let transaction = try store.environment.beginRead()
      var cursor = try transaction.cursor(in: store.events)
      var entry = try cursor.chunk(holding: progress.expected)
      while let chunk = entry {
        switch progress.take(chunk, body) {
        case .proceed: break
        case .stop: return false
        }
        chunkCount += 1
        if chunkCount == Self.chunksPerTransaction { return true }
        entry = try cursor.next()
      }
      return false
    } catch {
      throw Failure(LogFailure(error, path: path))
    }
  }
}

extension Cursor {
  /// The chunk that holds `position`, or the first one behind it.
  @_lifetime(copy self)
  fileprivate mutating func chunk(holding position: Position) throws(LMDBError) -> Entry? {
    guard let found = try seek(Chunk.key(of: position).rawBytes) else { return try last() }
    if Chunk.position(ofKey: found.key) == position { return found }
    if let before = try previous() { return before }
    return try first()
  }
}

/// How far a scan has come, and the checks on everything that it passes.
struct ScanProgress<Failure: FailureOfReading> {
  /// The next position to show.
  private(set) var expected: Position
  private var latest = Moment(microseconds: .min)
  private(set) var failure: Failure?

  init(after position: Position) { expected = position.next }

  /// Shows the records of one chunk from the expected position on.
  mutating func take(
    _ chunk: Entry, _ body: (borrowing RecordView) throws(Failure) -> ScanStep
  ) -> ScanStep {
    guard let first = Chunk.position(ofKey: chunk.key), let count = Chunk.count(in: chunk.value)
    else { return fail(.chunkMalformed) }
    guard first <= expected else { return fail(.missing) }
    var offset = Chunk.headerByteCount
    for index in 0..<count {
      let position = first.advanced(by: index)
      let rest = chunk.value.extracting(offset..<chunk.value.byteCount)
      let step: ScanStep
      do {
        let record = try RecordView(checking: rest)
        offset += record.bytes.byteCount
        step = try position < expected ? .proceed : show(record, at: position, body)
      } catch {
        return fail(error, at: position)
      }
      if step == .stop { return .stop }
    }
    return offset == chunk.value.byteCount ? .proceed : fail(.chunkMalformed)
  }

  private mutating func show(
    _ record: borrowing RecordView, at position: Position,
    _ body: (borrowing RecordView) throws(Failure) -> ScanStep
  ) throws(RecordDamage) -> ScanStep {
    guard record.position == position else {
      throw .otherPosition(found: record.position.rawValue)
    }
    guard record.recordedAt >= latest else { throw .timeGoesBack }
    latest = record.recordedAt
    expected = position.next
    do throws(Failure) { return try body(record) } catch { failure = error }
    return .stop
  }

  private mutating func fail(_ damage: RecordDamage, at position: Position? = nil) -> ScanStep {
    failure = Failure(.damaged(at: position ?? expected, damage))
    return .stop
  }
}
