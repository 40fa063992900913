internal import LMDB
public import QuotaModel

/// Consecutive records, encoded one behind the other.
public struct RecordBatch: Sendable {
  public var bytes: [UInt8] { writer.bytes }
  private var writer = RecordWriter()
  /// Where each record ends in `bytes`.
  public private(set) var ends: [Int] = []

  public init() {}

  public var count: Int { ends.count }
  public var isEmpty: Bool { ends.isEmpty }

  /// Encodes one event. The bytes are a function of the event alone.
  public mutating func append(_ event: Event) {
    let start = writer.bytes.count
    writer.bytes.appendHeader(of: event)
    writer.body(of: event.fact)
    writer.bytes.seal(recordFrom: start)
    ends.append(writer.bytes.count)
  }

  /// Takes over a record that is encoded already.
  public mutating func append(encoded record: borrowing RecordView) {
    unsafe record.bytes.withUnsafeBytes { unsafe writer.bytes.append(contentsOf: $0) }
    ends.append(writer.bytes.count)
  }

  public mutating func removeAll() {
    writer.bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  /// The range of the record at `index`.
  public func range(at index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }
}

extension [UInt8] {
  mutating func appendUser(_ user: UserID) {
    appendInteger(user.high.byteSwapped)
    appendInteger(user.low.byteSwapped)
  }

  mutating func appendText(_ text: String) {
    appendInteger(UInt16(text.utf8.count))
    append(contentsOf: text.utf8)
  }

  fileprivate mutating func appendHeader(of event: Event) {
    let flags =
      (event.requestID == nil ? 0 : RecordFormat.hasRequestID)
      | (event.reason == nil ? 0 : RecordFormat.hasReason)
      | (event.decidedAt == nil ? 0 : RecordFormat.hasClock)
    // The first two bytes are the length, which `seal` fills in.
    appendInteger(
      UInt64(RecordFormat.version) << 16 | UInt64(event.fact.kind.rawValue) << 24
        | UInt64(event.actor.tag.rawValue) << 32 | UInt64(flags) << 40)
    appendInteger(event.position.rawValue)
    appendInteger(event.recordedAt.microseconds)
    appendInteger(event.happenedAt.microseconds)
    if case .user(let user) = event.actor { appendUser(user) }
    if let clock = event.decidedAt { appendInteger(clock.microseconds) }
    if let requestID = event.requestID { appendText(requestID.description) }
    if let reason = event.reason { appendText(reason.description) }
  }

  /// Fills in the length and adds the checksum.
  fileprivate mutating func seal(recordFrom start: Int) {
    let length = count - start + RecordFormat.checksumByteCount
    precondition(length <= RecordFormat.maximumByteCount, "a record exceeds its bound")
    self[start] = UInt8(truncatingIfNeeded: length)
    self[start + 1] = UInt8(truncatingIfNeeded: length >> 8)
    appendInteger(RecordFormat.checksum(of: rawBytes.extracting(start..<count)))
  }
}

extension Actor {
  var tag: ActorTag {
    switch self {
    case .service: .service
    case .operator: .operator
    case .user: .user
    }
  }
}
