internal import LMDB
internal import QuotaModel

/// The tables that a fold fills, in the order in which two projections are compared: accounts first.
enum FoldedTable: CaseIterable {
  case accounts, windows, told, history, snapshots, requests, tokens, tokenIDs
  case holds, holdExpiries, holdDraws, holdOwners
  case allowances, schedules, scheduleIDs, corrections, systemEvents
  case sessions, sessionIDs, sessionNames, sessionOwners, livingSessions, sessionEvents,
    sessionKeys, callExpiries,
    starts, budgets

  func table(of tables: Tables) -> Table { tables[keyPath: rows.table] }

  /// What a key is, for whoever has to say what its row is about.
  enum Key {
    /// The id of a user, or the number of an account at the beginning: everything of that account counts.
    case user, account
    /// Behind the number of an account, what `subject` is about.
    case ofAccount
    case other
  }

  /// What is known of the rows of one table.
  struct Rows {
    let table: KeyPath<Tables, Table>
    /// How many bytes its keys have; nil where they end with a text.
    let keyByteCount: Int?
    let key: Key
    /// What a row is about; `#` stands for the text of its key, or for the number that it ends with.
    let subject: String
    /// Whether that number is the position of an event that only one side need know.
    let namesEvent: Bool

    init(
      _ table: KeyPath<Tables, Table>, _ keyByteCount: Int?, _ subject: String = "",
      key: Key = .other, namesEvent: Bool = false
    ) {
      (self.table, self.keyByteCount, self.subject) = (table, keyByteCount, subject)
      (self.key, self.namesEvent) = (key, namesEvent)
    }
  }

  var rows: Rows {
    switch self {
    case .accounts: Rows(\.accounts, 16, key: .user)
    case .allowances: Rows(\.allowances, 16, key: .user)
    case .windows: Rows(\.windows, 13, key: .account)
    case .told: Rows(\.told, 13, key: .account)
    case .history: Rows(\.history, 12, key: .account)
    case .snapshots:
      Rows(
        \.snapshots, 12, "account as it was noted at position #", key: .ofAccount, namesEvent: true)
    case .holdOwners: Rows(\.holdOwners, 12, "hold #", key: .ofAccount, namesEvent: true)
    case .requests: Rows(\.requests, nil, "request id #", key: .ofAccount)
    case .tokens: Rows(\.tokens, 32, "the token that a digest stands for")
    case .tokenIDs: Rows(\.tokenIDs, 8, "token #")
    case .holds: Rows(\.holds, 8, "hold #", namesEvent: true)
    case .holdExpiries:
      Rows(\.expiries, 16, "hold # in the order of deadlines", namesEvent: true)
    case .holdDraws:
      Rows(\.holdDraws, 16, "hold that was settled in part at position #", namesEvent: true)
    case .schedules: Rows(\.schedules, 16, "scheduled change #", namesEvent: true)
    case .scheduleIDs: Rows(\.scheduleIDs, 8, "scheduled change #", namesEvent: true)
    case .corrections:
      Rows(\.corrections, 8, "the correction of the event at position #", namesEvent: true)
    case .systemEvents:
      Rows(\.systemEvents, 8, "what holds for everybody since position #", namesEvent: true)
    case .sessions: Rows(\.sessions, 8, "session #")
    case .sessionIDs: Rows(\.sessionIDs, nil, "the session with the id #")
    case .sessionNames:
      Rows(\.sessionNames, nil, "the sessions that were ever begun under the id #")
    case .sessionOwners:
      Rows(\.sessionOwners, 24, "session # among those of its user", namesEvent: true)
    case .livingSessions:
      Rows(\.livingSessions, 8, "session # among those that exist", namesEvent: true)
    case .sessionEvents:
      Rows(\.sessionEvents, 16, "the event of a session at position #", namesEvent: true)
    case .sessionKeys: Rows(\.sessionKeys, nil, "the step # of a session")
    case .callExpiries:
      Rows(\.callExpiries, 16, "the call that the event at position # let in", namesEvent: true)
    case .starts: Rows(\.starts, 17, "the start of what # names among times to live")
    case .budgets: Rows(\.budgets, nil, "shared budget #")
    }
  }
}
