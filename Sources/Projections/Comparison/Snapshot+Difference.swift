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
    let end = mayBeUnfinished ? state.position : nil
    for table in FoldedTable.allCases {
      if let row = try RowDifference(firstOf: table, self, other, upTo: end) {
        return try row.difference(self, other, calendar)
      }
    }
    let fields = ProjectionDifference.Field.differing(
      state.values(calendar), try other.state().values(calendar))
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
  fileprivate func values(_ rules: QuotaCalendar) -> [NamedValue] {
    var values: [NamedValue] = [
      ("log", log.description), ("position", position.description),
      ("time of the last event", rules.text(of: recordedAt)),
      ("number of accounts", String(accountCount)), ("last change of a limit", policy.description),
      ("spends counted", hasSpends ? "yes" : "no"),
      ("calendar", "\(calendar.zone), weeks from \(calendar.weekStart.name)"),
      ("rules of the time zone", String(zoneDigest, radix: 16)),
    ]
    for period in Period.allCases {
      values += [
        ("default limit of the \(period.noun)", defaults.limits[period].description),
        ("default mode of the \(period.noun)'s limit", defaults.modes[period].name),
      ]
    }
    return values
  }
}
