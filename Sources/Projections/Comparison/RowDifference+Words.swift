internal import LMDB
internal import QuotaModel

/// Says in words what a row is about that two projections do not share.
extension RowDifference {
  func difference(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot, _ calendar: QuotaCalendar
  ) throws(ProjectionFailure) -> ProjectionDifference {
    guard !isUnreadable else {
      return ProjectionDifference("a row of \(table) whose key is damaged", fields: [presence])
    }
    var row = self
    row.owner = try findOwner(left, right)
    guard let subject = table.rows.subject?(row) else {
      return try row.ofAccount(left, right, calendar)
    }
    return ProjectionDifference(
      subject.text, fields: fields(calendar), position: subject.position.map(Position.init))
  }

  private func findOwner(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> UserID? {
    switch table.rows.owner {
    case .nobody: return nil
    case .user: return key.rawBytes.user(at: 0)
    case .number:
      if let user = try left.user(with: accountNumber) { return user }
      return try right.user(with: accountNumber)
    }
  }

  /// What differs of an account; of one whose rows cannot be read, the bytes.
  private func ofAccount(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot, _ calendar: QuotaCalendar
  ) throws(ProjectionFailure) -> ProjectionDifference {
    guard let owner else {
      return ProjectionDifference(
        "account number \(accountNumber), which is nobody's", fields: [presence])
    }
    do throws(ProjectionFailure) {
      return try ofAccount(of: owner, left, right, calendar)
    } catch .malformedRow {
      return ProjectionDifference(
        "account \(owner)", fields: [presence], account: AccountWords(user: owner, windows: []))
    }
  }

  /// Everything that differs of one account, earlier windows and its history included.
  private func ofAccount(
    of user: UserID, _ left: borrowing Snapshot, _ right: borrowing Snapshot,
    _ calendar: QuotaCalendar
  ) throws(ProjectionFailure) -> ProjectionDifference {
    let (mine, theirs) = (try left.account(user), try right.account(user))
    let account = AccountWords(user: user, windows: windows(mine, theirs))
    var fields = ProjectionDifference.Field.differing(
      try left.values(of: account, calendar), try right.values(of: account, calendar))
    let (early, late) = (try left.history(of: mine), try right.history(of: theirs))
    let only = mine == nil || theirs == nil ? nil : Self.firstOfOne(early, late)
    if let only {
      let isLeft = early.contains(only)
      fields.append(
        .init(
          name: "the event at position \(only) in its history",
          left: isLeft ? "there" : "missing", right: isLeft ? "missing" : "there"))
    }
    return ProjectionDifference(
      "account \(user)", fields: fields.isEmpty ? [presence] : fields, position: only,
      account: account, history: fields.isEmpty ? [] : mine == nil ? late : early)
  }

  /// The latest windows of both, and the one that the row is about.
  private func windows(_ entries: AccountEntry?...) -> [CountedWindow] {
    var windows: [CountedWindow] = []
    for period in CountedPeriod.allCases {
      var starts = entries.compactMap(\.self).map { $0.account.latest[period] }
        .filter { $0 != .never }.map(\.start)
      if table == .windows, key[4] == period.rawValue {
        starts.append(Moment(inKey: number(at: 5)))
      }
      for start in Set(starts).sorted() { windows.append(.init(period: period, start: start)) }
    }
    return windows
  }

  /// The first event that only one of two histories has.
  private static func firstOfOne(_ left: [Position], _ right: [Position]) -> Position? {
    let shared = zip(left, right).prefix { $0 == $1 }.count
    return [left, right].compactMap { $0.dropFirst(shared).first }.min()
  }

  /// The values of a hold one by one, the position of a request; of anything else the bytes.
  private func fields(_ calendar: QuotaCalendar) -> [ProjectionDifference.Field] {
    if table == .requests {
      let texts = [left, right].map { (row) in
        row.map { $0.count == WordRow.byteCount ? "\($0.rawBytes.word(at: 0))" : "damaged" }
          ?? "missing"
      }
      return [.init(name: "its position", left: texts[0], right: texts[1])]
    }
    guard table == .holds, let left, let right,
      let mine = try? HoldRow.entry(from: left.rawBytes),
      let theirs = try? HoldRow.entry(from: right.rawBytes)
    else { return [presence] }
    let fields = ProjectionDifference.Field.differing(
      mine.values(calendar), theirs.values(calendar))
    return fields.isEmpty ? [presence] : fields
  }

  /// Whether the row is there, and how the bytes part where it is on both sides.
  private var presence: ProjectionDifference.Field {
    guard let left, let right else {
      return .init(
        name: "its row", left: left == nil ? "missing" : "there",
        right: right == nil ? "missing" : "there")
    }
    let shared = zip(left, right).prefix { $0 == $1 }.count
    func rest(_ bytes: [UInt8]) -> String {
      bytes.dropFirst(shared).prefix(8)
        .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
    return .init(name: "its row from byte \(shared) on", left: rest(left), right: rest(right))
  }
}

extension Moment {
  /// The moment that a key has as a number, shifted so that those before 1970 sort first.
  fileprivate init(inKey number: UInt64) {
    self.init(microseconds: Int64(bitPattern: number ^ (1 << 63)))
  }
}

extension Snapshot {
  fileprivate func history(of entry: AccountEntry?) throws(ProjectionFailure) -> [Position] {
    guard let entry else { return [] }
    return try history(of: entry, after: .zero, limit: .max)
  }
}

extension HoldEntry {
  fileprivate func values(_ calendar: QuotaCalendar) -> [NamedValue] {
    [
      ("user", hold.user.description), ("tokens held", hold.tokens.description),
      ("credits held", "\(hold.credits) nano-credits"), ("start", calendar.text(of: state.startedAt)),
      ("deadline", calendar.text(of: hold.expiresAt)),
      ("session", hold.session?.description ?? "none"), ("end", state.end.map { "\($0)" } ?? "open"),
      ("position of its end", state.endedAt.description),
    ]
  }
}
