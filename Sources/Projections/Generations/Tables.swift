internal import LMDB

/// The tables of a projection.
struct Tables: Sendable {
  /// User id → `AccountRow`.
  let accounts: Table
  /// Account number, period, start → tokens used; every window but an account's latest.
  let windows: Table
  /// Actor's account number, request id → position.
  let requests: Table
  /// Account number, first position → 16 positions of events that concern the account.
  let history: Table
  /// Digest → `TokenRow`, while the token is valid.
  let tokens: Table
  /// Token id → `TokenRow`, for ever.
  let tokenIDs: Table
  /// Hold → `HoldRow`, while it is open.
  let holds: Table
  /// Deadline, hold → nothing; open holds in the order of their end.
  let expiries: Table
  /// `state`, `trust`.
  let meta: Table

  static let names = [
    "accounts", "windows", "requests", "history", "tokens", "token_ids", "holds", "hold_expiries",
    "meta",
  ]

  init(in environment: Environment) throws(LMDBError) {
    accounts = try environment.table("accounts")
    windows = try environment.table("windows")
    requests = try environment.table("requests")
    history = try environment.table("history")
    tokens = try environment.table("tokens")
    tokenIDs = try environment.table("token_ids")
    holds = try environment.table("holds")
    expiries = try environment.table("hold_expiries")
    meta = try environment.table("meta")
  }

  /// Everything that is folded, by name, for comparing two generations.
  var folded: [(name: String, table: Table)] {
    [
      ("accounts", accounts), ("windows", windows), ("requests", requests), ("history", history),
      ("tokens", tokens), ("token_ids", tokenIDs), ("holds", holds), ("hold_expiries", expiries),
    ]
  }
}
