internal import LMDB
internal import QuotaModel

extension FoldBatch {
  mutating func issueToken(_ issue: TokenIssue) {
    let row = TokenRow.bytes(of: TokenEntry(issue))
    let digest = Key.token(issue.digest)
    let id = Key.number(issue.token.rawValue)
    put(row, under: digest.rawBytes, in: tables.tokens)
    put(row, under: id.rawBytes, in: tables.tokenIDs)
  }

  /// A revoked token is no longer found by its digest; its id stays known.
  mutating func revoke(_ token: TokenID) throws(ProjectionFailure) {
    guard let entry = try self.token(token) else { return }
    let issue = TokenIssue(
      token: token, user: entry.user, digest: entry.digest, expiresAt: entry.expiresAt)
    let digest = Key.token(entry.digest)
    let id = Key.number(token.rawValue)
    remove(digest.rawBytes, from: tables.tokens)
    put(
      TokenRow.bytes(of: TokenEntry(issue, isRevoked: true)), under: id.rawBytes,
      in: tables.tokenIDs)
  }
}
