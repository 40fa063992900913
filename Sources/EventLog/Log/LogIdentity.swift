internal import LMDB
public import QuotaModel

/// What tells one log from every other.
public struct LogIdentity: Hashable, Sendable {
  /// Random, made with the log.
  public let id: UserID
  public let createdAt: Moment

  public init(id: UserID, createdAt: Moment) {
    self.id = id
    self.createdAt = createdAt
  }
}

/// The entry `identity` of the table `meta`: format, id, creation, all little-endian words.
enum IdentityEntry {
  static let format: UInt64 = 1
  static let key = Array("identity".utf8)

  static func bytes(of identity: LogIdentity) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(format)
    bytes.appendUser(identity.id)
    bytes.appendInteger(identity.createdAt.microseconds)
    return bytes
  }

  static func read(_ bytes: RawSpan, path: String) throws(LogFailure) -> LogIdentity {
    guard bytes.byteCount >= 8 else { throw .notALog(path: path) }
    let found = bytes.word(at: 0)
    guard found <= format else { throw .newerFormat(found: found, supported: format) }
    guard found == format, bytes.byteCount == 32 else { throw .notALog(path: path) }
    return LogIdentity(
      id: bytes.user(at: 8),
      createdAt: Moment(microseconds: Int64(bitPattern: bytes.word(at: 24))))
  }
}
