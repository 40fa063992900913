internal import LMDB

/// The tables of a projection.
struct Tables: Sendable {
  /// User id → `AccountRow`.
  let accounts: Table
  /// Account number, period, start → tokens used; every window but an account's latest.
  let windows: Table
  /// Account number, period, start → the highest threshold told; of windows that were not the account's
  /// latest any more.
  let told: Table
  /// Actor's account number, request id → position.
  let requests: Table
  /// Account number, first position → 16 positions of events that concern the account.
  let history: Table
  /// Account number, position → `SnapshotRow`; an account as it was after about every thousandth of its
  /// events, so that no question about the past has to go through all of them.
  let snapshots: Table
  /// Position of an event that changes what holds for everybody → `SystemRow`, as it is afterwards.
  let systemEvents: Table
  /// Digest → `TokenRow`, while the token is valid.
  let tokens: Table
  /// Token id → `TokenRow`, for ever.
  let tokenIDs: Table
  /// Hold → `HoldRow`, for ever.
  let holds: Table
  /// Deadline, hold → nothing; open holds in the order of their end.
  let expiries: Table
  /// Hold, position → nothing; the events by which a part of a hold was settled.
  let holdDraws: Table
  /// Account number, hold → nothing; the open holds of an account.
  let holdOwners: Table
  /// User id → `AllowancesRow`.
  let allowances: Table
  /// Moment, position → `ScheduleRow`, while the change is to come.
  let schedules: Table
  /// Position of the event that scheduled a change → its moment.
  let scheduleIDs: Table
  /// Position of an event → position of its latest correction.
  let corrections: Table
  /// Session → `SessionRow`, for ever.
  let sessions: Table
  /// Session id → session; the latest that was begun under it and not deleted.
  let sessionIDs: Table
  /// Session id, a zero, session → nothing; every session that was ever begun under an id.
  let sessionNames: Table
  /// User, session → nothing; zeros for a session of nobody; those that were not deleted.
  let sessionOwners: Table
  /// Session → nothing; those that were not deleted.
  let livingSessions: Table
  /// Session, position → `SessionEventRow`; the events of a session in their order.
  let sessionEvents: Table
  /// Session, kind, what a client calls a step → position.
  let sessionKeys: Table
  /// Deadline, position of the admission → session, start; calls under way in the order of their end.
  let callExpiries: Table
  /// Start, backwards, and what it is → nothing, or the session of a call; everything that has a time to
  /// live, the latest start first (see `TimedThing`).
  let starts: Table
  /// Budget id → `BudgetRow`.
  let budgets: Table
  /// `state`, `announced`, `anchor`, `runs_merged`.
  let meta: Table

  static let names = [
    "accounts", "windows", "told", "requests", "history", "snapshots", "system_events", "tokens",
    "token_ids", "holds", "hold_expiries", "hold_draws", "hold_owners", "allowances", "schedules",
    "schedule_ids", "corrections", "sessions",
    "session_ids", "session_names", "session_owners", "living_sessions", "session_events",
    "session_keys",
    "call_expiries", "starts", "budgets", "meta",
  ]

  init(in environment: MarkedEnvironment) throws(LMDBError) {
    accounts = try environment.table("accounts")
    windows = try environment.table("windows")
    told = try environment.table("told")
    requests = try environment.table("requests")
    history = try environment.table("history")
    snapshots = try environment.table("snapshots")
    systemEvents = try environment.table("system_events")
    tokens = try environment.table("tokens")
    tokenIDs = try environment.table("token_ids")
    holds = try environment.table("holds")
    expiries = try environment.table("hold_expiries")
    holdDraws = try environment.table("hold_draws")
    holdOwners = try environment.table("hold_owners")
    allowances = try environment.table("allowances")
    schedules = try environment.table("schedules")
    scheduleIDs = try environment.table("schedule_ids")
    corrections = try environment.table("corrections")
    sessions = try environment.table("sessions")
    sessionIDs = try environment.table("session_ids")
    sessionNames = try environment.table("session_names")
    sessionOwners = try environment.table("session_owners")
    livingSessions = try environment.table("living_sessions")
    sessionEvents = try environment.table("session_events")
    sessionKeys = try environment.table("session_keys")
    callExpiries = try environment.table("call_expiries")
    starts = try environment.table("starts")
    budgets = try environment.table("budgets")
    meta = try environment.table("meta")
  }
}
