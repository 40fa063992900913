internal import LMDB
internal import QuotaModel

extension FoldBatch {
  /// A token that is issued a second time, by the service itself, has another end.
  mutating func issueToken(
    _ issue: TokenIssue, _ event: borrowing FoldedEvent
  ) throws(ProjectionFailure) {
    try endStart(of: issue.token)
    let entry = TokenEntry(issue, startedAt: event.happenedAt)
    let row = TokenRow.bytes(of: entry)
    let digest = Key.token(issue.digest)
    let id = Key.number(issue.token.rawValue)
    put(row, under: digest.rawBytes, in: tables.tokens)
    put(row, under: id.rawBytes, in: tables.tokenIDs)
    publish(entry, under: issue.digest)
    if issue.expiresAt != nil { begin(.token(issue.token), at: event.happenedAt) }
  }

  /// A revoked token is no longer found by its digest; its id stays known.
  mutating func revoke(_ token: TokenID) throws(ProjectionFailure) {
    guard let entry = try self.token(token) else { return }
    try endStart(of: token)
    let digest = Key.token(entry.digest)
    let id = Key.number(token.rawValue)
    remove(digest.rawBytes, from: tables.tokens)
    publish(nil, under: entry.digest)
    put(TokenRow.bytes(of: entry.revoked), under: id.rawBytes, in: tables.tokenIDs)
  }

  private func publish(_ entry: TokenEntry?, under digest: TokenDigest) {
    if folder.purpose.isForReaders { folder.working.unpublished.tokens.append((digest, entry)) }
  }

  private mutating func endStart(of token: TokenID) throws(ProjectionFailure) {
    guard let entry = try self.token(token), !entry.isRevoked, entry.expiresAt != nil else {
      return
    }
    endStart(of: .token(token), at: entry.startedAt)
  }
}

extension TokenEntry {
  fileprivate var revoked: TokenEntry {
    let issue = TokenIssue(token: token, user: user, digest: digest, expiresAt: expiresAt)
    return TokenEntry(issue, startedAt: startedAt, isRevoked: true)
  }
}
