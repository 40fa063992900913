internal import LMDB
public import QuotaModel

/// One stored record, read in place: what a fold needs costs a few loads and no allocation.
public struct RecordView: ~Escapable {
  /// The stored bytes, checksum included.
  public let bytes: RawSpan
  public let kind: EventKind
  private let tag: ActorTag
  let requestIDRange: Range<Int>?
  let reasonRange: Range<Int>?
  /// What the clock showed when it was decided; nil where that is `recordedAt`.
  public let decidedAt: Moment?
  private let bodyStart: Int

  /// Checks the frame and the checksum of the record that starts `bytes`; more may follow it.
  @_lifetime(copy bytes)
  public init(checking bytes: RawSpan) throws(RecordDamage) {
    guard bytes.byteCount >= RecordFormat.minimumByteCount else { throw .truncated }
    let length = Int(unsafe bytes.unsafeLoadUnaligned(as: UInt16.self).littleEndian)
    guard length >= RecordFormat.minimumByteCount, length <= bytes.byteCount else {
      throw .truncated
    }
    let record = bytes.extracting(0..<length)
    let end = length - RecordFormat.checksumByteCount
    guard RecordFormat.checksum(of: record.extracting(0..<end)) == record.word(at: end) else {
      throw .checksumDiffers
    }
    let version = record.byte(at: 2)
    guard version == RecordFormat.version else { throw .unknownVersion(version) }
    guard let kind = EventKind(rawValue: record.byte(at: 3)) else {
      throw .unknownKind(record.byte(at: 3))
    }
    guard let tag = ActorTag(rawValue: record.byte(at: 4)),
      record.word(at: 0) & RecordFormat.unusedHeaderBits == 0
    else { throw .malformed }
    var reader = RecordReader(record, from: RecordFormat.headerByteCount, to: end)
    if tag == .user { try reader.skip(16) }
    let flags = record.byte(at: 5)
    decidedAt = flags & RecordFormat.hasClock == 0 ? nil : try reader.moment()
    requestIDRange = flags & RecordFormat.hasRequestID == 0 ? nil : try reader.textRange()
    reasonRange = flags & RecordFormat.hasReason == 0 ? nil : try reader.textRange()
    bodyStart = reader.offset
    self.kind = kind
    self.tag = tag
    self.bytes = record
  }

  public var position: Position { Position(bytes.word(at: 8)) }
  public var recordedAt: Moment {
    Moment(microseconds: Int64(bitPattern: bytes.word(at: 16)))
  }
  public var happenedAt: Moment {
    Moment(microseconds: Int64(bitPattern: bytes.word(at: 24)))
  }

  /// What the clock showed when the event was decided; never later than `recordedAt`.
  public var clock: Moment { decidedAt ?? recordedAt }

  public var actor: Actor {
    switch tag {
    case .service: .service
    case .operator: .operator
    case .user: .user(bytes.user(at: RecordFormat.headerByteCount))
    }
  }

  /// The bytes of the request id, where there is one.
  public var requestIDBytes: RawSpan? {
    @_lifetime(copy self)
    get {
      guard let requestIDRange else { return nil }
      return bytes.extracting(requestIDRange)
    }
  }

  /// A reader at the start of the body.
  @_lifetime(copy self)
  func bodyReader() -> RecordReader {
    RecordReader(bytes, from: bodyStart, to: bytes.byteCount - RecordFormat.checksumByteCount)
  }

  /// The whole event.
  public func event() throws(RecordDamage) -> Event {
    Event(
      position: position, recordedAt: recordedAt, decidedAt: decidedAt, happenedAt: happenedAt,
      actor: actor,
      requestID: try text(in: requestIDRange).map(RequestID.init(stored:)),
      reason: try text(in: reasonRange).map(Reason.init(stored:)),
      fact: try fact())
  }

  private func text(in range: Range<Int>?) throws(RecordDamage) -> String? {
    guard let range else { return nil }
    return try bytes.extracting(range).text()
  }
}

extension Event {
  /// The event that the stored bytes of one record say.
  public init(record bytes: [UInt8]) throws(RecordDamage) {
    let record = try RecordView(checking: bytes.rawBytes)
    guard record.bytes.byteCount == bytes.count else { throw .malformed }
    self = try record.event()
  }
}

extension RequestID {
  fileprivate init(stored text: String) throws(RecordDamage) {
    do { try self.init(text) } catch { throw .malformed }
  }
}

extension Reason {
  fileprivate init(stored text: String) throws(RecordDamage) {
    do { try self.init(text) } catch { throw .malformed }
  }
}
