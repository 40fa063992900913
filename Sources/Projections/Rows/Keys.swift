internal import LMDB
internal import QuotaModel

/// Builds a key of exactly `byteCount` bytes; integers big-endian, so that keys sort by value.
struct KeyBytes<let byteCount: Int> {
  private(set) var bytes = InlineArray<byteCount, UInt8>(repeating: 0)
  private var offset = 0

  init() {}

  mutating func append<Word: FixedWidthInteger & UnsignedInteger>(_ word: Word) {
    var shift = Word.bitWidth - 8
    while shift >= 0 {
      bytes[offset] = UInt8(truncatingIfNeeded: word >> Word(shift))
      offset += 1
      shift -= 8
    }
  }

  /// A moment, shifted so that moments before 1970 sort first.
  mutating func append(_ moment: Moment) {
    append(UInt64(bitPattern: moment.microseconds) ^ (1 << 63))
  }
}

/// The keys of a projection's tables.
enum Key {
  static func account(_ user: UserID) -> InlineArray<16, UInt8> {
    var key = KeyBytes<16>()
    key.append(user.high)
    key.append(user.low)
    return key.bytes
  }

  static func window(
    _ account: AccountNumber, _ period: Period, start: Moment
  ) -> InlineArray<13, UInt8> {
    var key = KeyBytes<13>()
    key.append(account.rawValue)
    key.append(period.rawValue)
    key.append(start)
    return key.bytes
  }

  static func window(_ account: AccountNumber, _ window: CountedWindow) -> InlineArray<13, UInt8> {
    self.window(account, window.period.period, start: window.start)
  }

  static func history(_ account: AccountNumber, from first: UInt64) -> InlineArray<12, UInt8> {
    var key = KeyBytes<12>()
    key.append(account.rawValue)
    key.append(first)
    return key.bytes
  }

  static func token(_ digest: TokenDigest) -> InlineArray<32, UInt8> {
    var key = KeyBytes<32>()
    key.append(digest.words.0)
    key.append(digest.words.1)
    key.append(digest.words.2)
    key.append(digest.words.3)
    return key.bytes
  }

  static func number(_ number: UInt64) -> InlineArray<8, UInt8> {
    var key = KeyBytes<8>()
    key.append(number)
    return key.bytes
  }

  /// Something that is due at a moment, by the event that said so.
  static func deadline(_ deadline: Moment, _ position: Position) -> InlineArray<16, UInt8> {
    var key = KeyBytes<16>()
    key.append(deadline)
    key.append(position.rawValue)
    return key.bytes
  }

  /// Something whose time to live began at a moment; the latest comes first.
  static func start(_ moment: Moment, _ thing: TimedThing) -> InlineArray<17, UInt8> {
    var key = KeyBytes<17>()
    key.append(Moment(microseconds: ~moment.microseconds))
    key.append(thing.kind.rawValue)
    key.append(thing.number)
    return key.bytes
  }

  /// Two numbers, the first deciding the order first.
  static func pair(_ first: UInt64, _ second: UInt64) -> InlineArray<16, UInt8> {
    var key = KeyBytes<16>()
    key.append(first)
    key.append(second)
    return key.bytes
  }

  /// A session among those that were ever begun under an id.
  static func named(_ id: SessionID, _ session: SessionRef) -> [UInt8] {
    var key = Array(id.description.utf8)
    key.append(0)
    key.appendInteger(session.position.rawValue.byteSwapped)
    return key
  }

  /// A session among those of its owner.
  static func owned(_ session: SessionRef, by user: UserID?) -> InlineArray<24, UInt8> {
    var key = KeyBytes<24>()
    key.append(user?.high ?? 0)
    key.append(user?.low ?? 0)
    key.append(session.position.rawValue)
    return key.bytes
  }

  /// What a client calls a step of a session; variable length.
  static func session(_ session: SessionRef, _ step: SessionKey) -> [UInt8] {
    var key: [UInt8] = []
    key.appendInteger(session.position.rawValue.byteSwapped)
    key.append(step.kind.rawValue)
    key.append(contentsOf: step.text.utf8)
    return key
  }
}

/// The dense number that a projection gives an account: 1, 2, 3 … in the order of registration.
public struct AccountNumber: Hashable, Sendable {
  public let rawValue: UInt32

  init(_ rawValue: UInt32) { self.rawValue = rawValue }

  /// Stands for everybody who has no account: the operator and the service itself.
  static let none = AccountNumber(0)
}
