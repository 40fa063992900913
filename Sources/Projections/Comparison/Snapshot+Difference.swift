internal import LMDB
public import QuotaModel

extension Generation {
  /// What the tables say, without what this process has in memory only: true for `state().position`.
  ///
  /// Pages that it sees are not used again while it lives, so that a projection that is written to
  /// grows meanwhile.
  public func storedSnapshot() throws(ProjectionFailure) -> Snapshot {
    let transaction = try translating { () throws(LMDBError) in try environment.beginRead() }
    return Snapshot(transaction: transaction, tables: tables, overlay: OverlayContent())
  }

  /// The first difference between two generations that nobody writes to; nil where they are equal.
  ///
  /// Both must be folded to the same position and stored.
  public func firstDifference(
    from other: Generation, in calendar: QuotaCalendar
  ) throws(ProjectionFailure) -> ProjectionDifference? {
    try storedSnapshot().firstDifference(from: other.storedSnapshot(), in: calendar)
  }
}

extension Snapshot {
  /// The first thing that `other` says differently: of an account where any differs, else of whatever
  /// comes first; nil where they are equal.
  ///
  /// `mayBeUnfinished`: a writer may have stored rows of events behind the position, which do not count.
  public func firstDifference(
    from other: borrowing Snapshot, in calendar: QuotaCalendar, mayBeUnfinished: Bool = false
  ) throws(ProjectionFailure) -> ProjectionDifference? {
    let state = try state()
    let rule = LeftoverRule(position: mayBeUnfinished ? state.position : nil)
    for table in FoldedTable.allCases {
      guard let row = try RowDifference.first(of: table, rule, self, other) else { continue }
      return try RowNaming(table: table, row: row, calendar: calendar).difference(self, other)
    }
    let fields = state.fields(against: try other.state(), calendar)
    return fields.isEmpty ? nil : ProjectionDifference("the system's state", fields: fields)
  }

  /// Who has an account's number; nil where nobody does.
  func user(with number: UInt32) throws(ProjectionFailure) -> UserID? {
    var user: UserID?
    try forEach(in: tables.accounts, from: Key.account(UserID(high: 0, low: 0)).rawBytes) {
      (key, row) throws(ProjectionFailure) in
      guard key.byteCount == 16, row.byteCount >= AccountRow.byteCount else { return true }
      if row.halfWord(at: 0) == number { user = key.user(at: 0) }
      return user == nil
    }
    return user
  }
}

extension ProjectionState {
  fileprivate func fields(
    against other: ProjectionState, _ calendar: QuotaCalendar
  ) -> [ProjectionDifference.Field] {
    var fields: [ProjectionDifference.Field] = []
    func compare(_ name: String, _ value: (ProjectionState) -> String) {
      let (left, right) = (value(self), value(other))
      if left != right { fields.append(ProjectionDifference.Field(name, left, right)) }
    }
    compare("log") { $0.log.description }
    compare("position") { $0.position.description }
    compare("time of the last event") { calendar.text(of: $0.recordedAt) }
    compare("number of accounts") { String($0.accountCount) }
    for period in Period.allCases {
      compare("default limit of the \(period.noun)") { $0.defaults.limits[period].description }
      compare("default mode of the \(period.noun)'s limit") { $0.defaults.modes[period].name }
    }
    compare("last change of a limit") { $0.policy.description }
    compare("spends counted") { $0.hasSpends ? "yes" : "no" }
    compare("calendar") { "\($0.calendar.zone), weeks from \($0.calendar.weekStart.name)" }
    compare("rules of the time zone") { String($0.zoneDigest, radix: 16) }
    return fields
  }
}
