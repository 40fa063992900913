/// How every name begins that the service itself makes where clients make names, too. No client may choose
/// one that does, so that neither can ever be taken for the other.
private let ownNames = "quotalog."

private func checkForeign(_ text: String) throws(TextRule) {
  if text.utf8.starts(with: ownNames.utf8) {
    throw TextRule(
      description: "must not begin with '\(ownNames)', as names of the service's own do")
  }
}

/// What applications call a session: a letter or digit, then up to 127 letters, digits, `.`, `_`, `-`
/// (contract session-limits, 4.5).
public struct SessionID: ByteText {
  public static let maximumByteCount = 128
  public let description: String

  public init(_ text: String) throws(TextRule) {
    guard isName(text) else {
      throw TextRule(
        description:
          "must begin with a letter or digit and have at most 128 letters, digits, '.', '_', '-'")
    }
    description = text
  }
}

/// What operators call a shared budget; the rules are those of a session's id.
public struct BudgetID: ByteText {
  public static let maximumByteCount = 128
  public let description: String

  public init(_ text: String) throws(TextRule) {
    guard isName(text) else {
      throw TextRule(
        description:
          "must begin with a letter or digit and have at most 128 letters, digits, '.', '_', '-'")
    }
    description = text
  }
}

private func isName(_ text: String) -> Bool {
  let bytes = text.utf8
  guard let first = bytes.first, bytes.count <= 128, isLetterOrDigit(first) else { return false }
  return bytes.allSatisfy {
    isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
      || $0 == UInt8(ascii: "-")
  }
}

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
  (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
}

/// What a client calls a call, a usage or a change within one session: 1 to 200 bytes of UTF-8.
public struct StepID: ByteText {
  public static let maximumByteCount = 200
  public let description: String

  /// Reads what a client has chosen.
  public init(_ text: String) throws(TextRule) {
    try self.init(stored: text)
    try checkForeign(text)
  }

  /// Reads what a record or a row says, names of the service's own included.
  public init(stored text: String) throws(TextRule) {
    try checkText(text, upTo: Self.maximumByteCount)
    description = text
  }

  /// A step that the service takes by itself.
  public init(own id: EntryID) { description = "\(ownNames)step.\(id)" }

  /// The call that a hold stands for.
  init(_ hold: HoldID) { description = "\(ownNames)hold.\(hold)" }

  /// What a settlement of a hold used, by the settlement's position.
  init(_ hold: HoldID, settledAt position: Position) {
    description = "\(ownNames)hold.\(hold).\(position)"
  }

  /// Whether the service has made the name.
  public var isOwn: Bool { description.utf8.starts(with: ownNames.utf8) }

  /// The hold whose call the first records of format 1 call so, when no client calls one of its own so.
  var formerHold: HoldID? {
    let prefix = "hold-"
    guard description.utf8.starts(with: prefix.utf8) else { return nil }
    return HoldID(text: String(description.dropFirst(prefix.count)))
  }
}

/// A short remark of whoever answered a model call, such as a finish reason: 1 to 128 bytes of UTF-8.
public struct CallMark: ByteText {
  public static let maximumByteCount = 128
  public let description: String

  public init(_ text: String) throws(TextRule) {
    try checkText(text, upTo: Self.maximumByteCount)
    description = text
  }
}

/// Names a session within the log: the position of the event that began it. A session that was deleted
/// and begun anew under the same id has another one.
public struct SessionRef: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let position: Position

  public init(_ position: Position) { self.position = position }

  public var description: String { position.description }
  public static func < (left: SessionRef, right: SessionRef) -> Bool {
    left.position < right.position
  }
}

/// Names something that the service made up itself (a message, an exhaustion request, an event that
/// clients see): a UUID of version 4.
public struct EntryID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let high: UInt64
  public let low: UInt64

  /// A version 4 UUID of which 122 bits are those given.
  public init(random high: UInt64, _ low: UInt64) {
    self.high = high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
    self.low = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
  }

  /// Reads the canonical spelling, or answers nil.
  public init?(text: String) {
    guard text.utf8.count == 36, let uuid = UserID(spelling: text) else { return nil }
    self.init(random: uuid.high, uuid.low)
    guard high == uuid.high, low == uuid.low, description == text else { return nil }
  }

  public var description: String { UserID(high: high, low: low).description }

  public static func < (left: EntryID, right: EntryID) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}
