internal import LMDB

/// The tables that a fold fills, in the order in which two projections are compared: accounts first.
enum FoldedTable: CaseIterable {
  case accounts, windows, told, history, snapshots, requests, tokens, tokenIDs
  case holds, holdExpiries, holdDraws, holdOwners
  case allowances, schedules, scheduleIDs, corrections, systemEvents
  case sessions, sessionIDs, sessionNames, sessionOwners, livingSessions, sessionEvents,
    sessionKeys, callExpiries,
    starts, budgets

  func table(of tables: Tables) -> Table {
    switch self {
    case .accounts: tables.accounts
    case .windows: tables.windows
    case .told: tables.told
    case .history: tables.history
    case .snapshots: tables.snapshots
    case .requests: tables.requests
    case .tokens: tables.tokens
    case .tokenIDs: tables.tokenIDs
    case .holds: tables.holds
    case .holdExpiries: tables.expiries
    case .holdDraws: tables.holdDraws
    case .holdOwners: tables.holdOwners
    case .allowances: tables.allowances
    case .schedules: tables.schedules
    case .scheduleIDs: tables.scheduleIDs
    case .corrections: tables.corrections
    case .systemEvents: tables.systemEvents
    case .sessions: tables.sessions
    case .sessionIDs: tables.sessionIDs
    case .sessionNames: tables.sessionNames
    case .sessionOwners: tables.sessionOwners
    case .livingSessions: tables.livingSessions
    case .sessionEvents: tables.sessionEvents
    case .sessionKeys: tables.sessionKeys
    case .callExpiries: tables.callExpiries
    case .starts: tables.starts
    case .budgets: tables.budgets
    }
  }

  /// How many bytes its keys have; nil where that varies.
  var keyByteCount: Int? {
    switch self {
    case .accounts, .allowances: 16
    case .windows, .told: 13
    case .history, .snapshots, .holdOwners: 12
    case .tokens: 32
    case .tokenIDs, .holds, .scheduleIDs, .corrections, .systemEvents, .sessions, .livingSessions: 8
    case .holdExpiries, .holdDraws, .schedules, .callExpiries, .sessionEvents: 16
    case .starts: 17
    case .sessionOwners: 24
    case .requests, .sessionIDs, .sessionNames, .sessionKeys, .budgets: nil
    }
  }
}
