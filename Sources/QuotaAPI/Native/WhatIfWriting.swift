internal import EventJSON
public import JSON
public import QuotaModel

extension JSONWriter {
  /// What would have become of one user's spends under other limits.
  public mutating func whatIf(_ user: UserID, _ found: WhatIfUser) {
    beginObject()
    member("user", user.description)
    member("calls", found.calls)
    member("tokens", found.tokens.rawValue)
    member("refused_calls", found.refusedCalls)
    member("refused_tokens", found.refusedTokens.rawValue)
    if let first = found.first {
      name("first_refused")
      beginObject()
      member("position", first.position)
      member("at", first.moment)
      member("period", first.violation.period.name)
      member("limit", first.violation.limit.rawValue)
      member("used", first.violation.used.rawValue)
      endObject()
    }
    endObject()
  }
}
