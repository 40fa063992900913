internal import LMDB
public import QuotaModel

/// An open hold as a projection keeps it.
public struct HoldEntry: Hashable, Sendable {
  public let hold: Hold
  /// Who made it, as an account number; nobody else may end it.
  public let holder: AccountNumber
}

/// The stored form of an open hold.
enum HoldRow {
  static let byteCount = 36

  static func bytes(of entry: HoldEntry) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendUser(entry.hold.user)
    bytes.appendInteger(entry.hold.tokens.rawValue)
    bytes.appendInteger(entry.hold.expiresAt.microseconds)
    bytes.appendInteger(entry.holder.rawValue)
    return bytes
  }

  static func entry(from row: RawSpan) throws(ProjectionFailure) -> HoldEntry {
    guard row.byteCount == byteCount else { throw .malformedRow(table: "holds") }
    return HoldEntry(
      hold: Hold(
        user: row.user(at: 0), tokens: try row.tokens(at: 16), expiresAt: row.moment(at: 24)),
      holder: AccountNumber(row.halfWord(at: 32)))
  }
}
