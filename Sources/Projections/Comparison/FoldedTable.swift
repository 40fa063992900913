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

  /// Whose number or id a key begins with.
  enum Owner {
    case user, number, nobody
  }

  /// What is known of the rows of one table.
  struct Rows {
    let table: KeyPath<Tables, Table>
    let owner: Owner
    /// How many bytes its keys have; nil where that varies.
    let keyByteCount: Int?
    /// What a row is about, and the event that it names, where it names one; nil: all about its account.
    let subject: ((RowDifference) -> (text: String, position: UInt64?))?

    init(
      _ table: KeyPath<Tables, Table>, _ keyByteCount: Int?, of owner: Owner = .nobody,
      _ subject: ((RowDifference) -> (text: String, position: UInt64?))? = nil
    ) {
      (self.table, self.keyByteCount) = (table, keyByteCount)
      (self.owner, self.subject) = (owner, subject)
    }

    init(
      _ table: KeyPath<Tables, Table>, _ keyByteCount: Int, positionAt offset: Int,
      of owner: Owner = .nobody, _ text: @escaping (UInt64, RowDifference) -> String
    ) {
      self.init(table, keyByteCount, of: owner) {
        (text($0.number(at: offset), $0), $0.number(at: offset))
      }
    }
  }

  var rows: Rows {
    switch self {
    case .accounts: Rows(\.accounts, 16, of: .user)
    case .allowances: Rows(\.allowances, 16, of: .user)
    case .windows: Rows(\.windows, 13, of: .number)
    case .told: Rows(\.told, 13, of: .number)
    case .history: Rows(\.history, 12, of: .number)
    case .snapshots:
      Rows(\.snapshots, 12, positionAt: 4, of: .number) {
        "the account of \($1.ownerText), as it was noted at position \($0)"
      }
    case .requests:
      Rows(\.requests, nil, of: .number) {
        ("request id \(RequestKey.text(of: $0.key)) of \($0.ownerText)", $0.positions.min())
      }
    case .tokens: Rows(\.tokens, 32) { _ in ("the token that a digest stands for", nil) }
    case .tokenIDs: Rows(\.tokenIDs, 8) { ("token \(TokenID($0.number(at: 0)))", nil) }
    case .holds: Rows(\.holds, 8, positionAt: 0) { hold, _ in "hold \(hold)" }
    case .holdExpiries:
      Rows(\.expiries, 16, positionAt: 8) { hold, _ in "hold \(hold) in the order of deadlines" }
    case .holdDraws:
      Rows(\.holdDraws, 16, positionAt: 8) { "hold \($1.number(at: 0)), settled in part at \($0)" }
    case .holdOwners:
      Rows(\.holdOwners, 12, positionAt: 4, of: .number) {
        "hold \($0) among those of \($1.ownerText)"
      }
    case .schedules: Rows(\.schedules, 16, positionAt: 8) { id, _ in "scheduled change \(id)" }
    case .scheduleIDs: Rows(\.scheduleIDs, 8, positionAt: 0) { id, _ in "scheduled change \(id)" }
    case .corrections:
      Rows(\.corrections, 8, positionAt: 0) { position, _ in
        "the correction of the event at position \(position)"
      }
    case .systemEvents:
      Rows(\.systemEvents, 8, positionAt: 0) { position, _ in
        "what holds for everybody since the event at position \(position)"
      }
    case .sessions: Rows(\.sessions, 8) { ("session \($0.number(at: 0))", nil) }
    case .sessionIDs: Rows(\.sessionIDs, nil) { ("the session with the id \($0.text())", nil) }
    case .sessionNames:
      Rows(\.sessionNames, nil) {
        ("the sessions that were ever begun under the id \($0.text(upTo: 0))", nil)
      }
    case .sessionOwners:
      Rows(\.sessionOwners, 24, positionAt: 16) { id, _ in
        "session \(id) among those of its user"
      }
    case .livingSessions:
      Rows(\.livingSessions, 8, positionAt: 0) { id, _ in "session \(id) among those that exist" }
    case .sessionEvents:
      Rows(\.sessionEvents, 16, positionAt: 8) {
        "session \($1.number(at: 0)), its event at position \($0)"
      }
    case .sessionKeys:
      Rows(\.sessionKeys, nil) {
        ("session \($0.number(at: 0)), its step \($0.text(from: 9))", nil)
      }
    case .callExpiries:
      Rows(\.callExpiries, 16, positionAt: 8) { position, _ in
        "the call that the event at position \(position) let in"
      }
    case .starts:
      Rows(\.starts, 17) {
        ("the start of what \($0.number(at: 9)) names among times to live", nil)
      }
    case .budgets: Rows(\.budgets, nil) { ("shared budget \($0.text())", nil) }
    }
  }
}
