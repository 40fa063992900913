internal import LMDB
public import QuotaModel

/// An access token as a projection keeps it.
public struct TokenEntry: Hashable, Sendable {
  public let token: TokenID
  public let user: UserID
  public let digest: TokenDigest
  public let expiresAt: Moment?
  /// When the token was given out, by the clock of then.
  public let startedAt: Moment
  public let isRevoked: Bool

  init(_ issue: TokenIssue, startedAt: Moment, isRevoked: Bool = false) {
    token = issue.token
    user = issue.user
    digest = issue.digest
    expiresAt = issue.expiresAt
    self.startedAt = startedAt
    self.isRevoked = isRevoked
  }
}

/// The stored form of a token, under its digest while it is valid and under its id for ever.
enum TokenRow {
  static let byteCount = 73

  static func bytes(of entry: TokenEntry) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(entry.token.rawValue)
    bytes.appendUser(entry.user)
    bytes.appendInteger(entry.digest.words.0)
    bytes.appendInteger(entry.digest.words.1)
    bytes.appendInteger(entry.digest.words.2)
    bytes.appendInteger(entry.digest.words.3)
    bytes.appendInteger(entry.expiresAt?.microseconds ?? .max)
    bytes.appendInteger(entry.startedAt.microseconds)
    bytes.append(entry.isRevoked ? 1 : 0)
    return bytes
  }

  static func entry(from row: RawSpan) throws(ProjectionFailure) -> TokenEntry {
    guard row.byteCount == byteCount else { throw .malformedRow(table: "tokens") }
    let expiresAt = row.moment(at: 56)
    return TokenEntry(
      TokenIssue(
        token: TokenID(row.word(at: 0)), user: row.user(at: 8),
        digest: TokenDigest(
          (row.word(at: 24), row.word(at: 32), row.word(at: 40), row.word(at: 48))),
        expiresAt: expiresAt.microseconds == .max ? nil : expiresAt),
      startedAt: row.moment(at: 64), isRevoked: row.byte(at: 72) == 1)
  }
}
