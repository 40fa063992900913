internal import LMDB
internal import QuotaModel

/// Says in words what a row is about that two projections do not share.
extension RowDifference {
  func difference(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot, _ calendar: QuotaCalendar
  ) throws(ProjectionFailure) -> ProjectionDifference {
    let rows = table.rows
    guard rows.keyByteCount ?? key.count == key.count, rows.key == .other || key.count > 4 else {
      return ProjectionDifference("a row of \(table) whose key is damaged", fields: [difference])
    }
    let number = key.rawBytes.halfWord(at: 0).byteSwapped
    switch rows.key {
    case .other: return ofThing(rows.subject)
    case .user: return try ofAccount(key.rawBytes.user(at: 0), left, right, calendar)
    case .account:
      if let user = try Self.user(with: number, left, right) {
        return try ofAccount(user, left, right, calendar)
      }
      return ofThing("account number \(number), which is nobody's")
    case .ofAccount:
      let user = try Self.user(with: number, left, right).map { "user \($0)" }
      return ofThing("\(rows.subject) of \(user ?? (number == 0 ? "the service" : "nobody"))")
    }
  }

  private static func user(
    with number: UInt32, _ left: borrowing Snapshot, _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> UserID? {
    if let user = try left.user(with: number) { return user }
    return try right.user(with: number)
  }

  /// What is no account: a hold, a token, a session.
  private func ofThing(_ subject: String) -> ProjectionDifference {
    let rows = table.rows
    var position = rows.namesEvent ? lastNumber : nil
    if table == .requests { position = [left, right].compactMap(Self.position).min() }
    let name = rows.keyByteCount == nil ? text : "\(lastNumber ?? 0)"
    let parts = subject.split(separator: "#", omittingEmptySubsequences: false)
    return ProjectionDifference(
      parts.joined(separator: name), fields: [difference], position: position.map(Position.init))
  }

  private var lastNumber: UInt64? {
    key.count < 8 ? nil : key.rawBytes.word(at: key.count - 8).byteSwapped
  }

  /// The text that a key is, or that it has behind numbers.
  private var text: String {
    if table == .requests { return RequestKey.text(of: key) }
    let text = table == .sessionKeys ? key.dropFirst(9) : key[...]
    return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
  }

  private static func position(_ row: [UInt8]?) -> UInt64? {
    row.flatMap { $0.count == WordRow.byteCount ? $0.rawBytes.word(at: 0) : nil }
  }

  /// What differs of an account; of one whose rows cannot be read, the bytes.
  private func ofAccount(
    _ user: UserID, _ left: borrowing Snapshot, _ right: borrowing Snapshot,
    _ calendar: QuotaCalendar
  ) throws(ProjectionFailure) -> ProjectionDifference {
    do throws(ProjectionFailure) {
      return try ofReadableAccount(user, left, right, calendar)
    } catch .malformedRow {
      return ProjectionDifference(
        "account \(user)", fields: [difference], account: AccountWords(user: user, windows: []))
    }
  }

  /// Everything that differs of one account, earlier windows and its history included.
  private func ofReadableAccount(
    _ user: UserID, _ left: borrowing Snapshot, _ right: borrowing Snapshot,
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
      "account \(user)", fields: fields.isEmpty ? [difference] : fields, position: only,
      account: account, history: fields.isEmpty ? [] : mine == nil ? late : early)
  }

  /// The latest windows of both, and the one that the row is about.
  private func windows(_ entries: AccountEntry?...) -> [CountedWindow] {
    var windows: [CountedWindow] = []
    for period in CountedPeriod.allCases {
      var starts = entries.compactMap(\.self).map { $0.account.latest[period] }
        .filter { $0 != .never }.map(\.start)
      if table == .windows, key[4] == period.rawValue {
        starts.append(windowStart)
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

  private var windowStart: Moment {
    Moment(microseconds: Int64(bitPattern: (lastNumber ?? 0) ^ (1 << 63)))
  }

  /// Both values of the row: what it says, where that can be read, else how the bytes part.
  private var difference: ProjectionDifference.Field {
    guard let left, let right else {
      return .init(
        name: "its row", left: left.map(words) ?? "missing", right: right.map(words) ?? "missing")
    }
    let (mine, theirs) = (words(left), words(right))
    if mine != theirs { return .init(name: "its row", left: mine, right: theirs) }
    let shared = zip(left, right).prefix { $0 == $1 }.count
    func rest(_ bytes: [UInt8]) -> String {
      bytes.dropFirst(shared).prefix(8)
        .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
    return .init(name: "its row from byte \(shared) on", left: rest(left), right: rest(right))
  }

  /// What a row says; that it is there, where nobody can tell here.
  private func words(_ row: [UInt8]) -> String {
    if table == .holds, let hold = try? HoldRow.entry(from: row.rawBytes) { return "\(hold)" }
    if table == .requests, let position = Self.position(row) { return "\(position)" }
    return "there"
  }
}

extension Snapshot {
  fileprivate func history(of entry: AccountEntry?) throws(ProjectionFailure) -> [Position] {
    guard let entry else { return [] }
    return try history(of: entry, after: .zero, limit: .max)
  }
}
