internal import LMDB
internal import QuotaModel

extension FoldBatch {
  mutating func issueToken(_ issue: TokenIssue) throws(ProjectionFailure) {
    let row = TokenRow.bytes(of: TokenEntry(issue))
    let digest = Key.token(issue.digest)
    let id = Key.number(issue.token.rawValue)
    try put(row, under: digest.rawBytes, in: tables.tokens)
    try put(row, under: id.rawBytes, in: tables.tokenIDs)
  }

  /// A revoked token is no longer found by its digest; its id stays known.
  mutating func revoke(_ token: TokenID) throws(ProjectionFailure) {
    guard let entry = try self.token(token) else { return }
    let issue = TokenIssue(
      token: token, user: entry.user, digest: entry.digest, expiresAt: entry.expiresAt)
    let digest = Key.token(entry.digest)
    let id = Key.number(token.rawValue)
    try remove(digest.rawBytes, from: tables.tokens)
    try put(
      TokenRow.bytes(of: TokenEntry(issue, isRevoked: true)), under: id.rawBytes,
      in: tables.tokenIDs)
  }

  mutating func remove(_ key: RawSpan, from table: Table) throws(ProjectionFailure) {
    folder.working.hasDirectWrites = true
    do {
      try transaction.remove(key, from: table)
    } catch {
      throw ProjectionFailure(error)
    }
  }
}
