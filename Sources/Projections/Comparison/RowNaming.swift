internal import LMDB
internal import QuotaModel

/// Says in words what a row is about that two projections do not share.
struct RowNaming {
  let table: FoldedTable
  let row: RowDifference
  let calendar: QuotaCalendar

  private var key: [UInt8] { row.key }

  func difference(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> ProjectionDifference {
    if let count = table.keyByteCount, count != key.count { return unreadable }
    switch table {
    case .accounts, .allowances:
      return try ofReadableAccount(key.rawBytes.user(at: 0), left, right)
    case .windows, .told, .history, .snapshots, .holdOwners:
      return try ofNumberedAccount(left, right)
    case .requests:
      return try ofRequest(left, right)
    case .tokens, .tokenIDs, .holds, .holdExpiries, .holdDraws, .systemEvents, .sessionNames,
      .schedules, .scheduleIDs, .corrections,
      .sessions, .sessionIDs, .sessionOwners, .livingSessions, .sessionEvents, .sessionKeys,
      .callExpiries, .starts,
      .budgets:
      return ofThing
    }
  }

  /// What differs of an account; of one whose rows cannot be read, the bytes.
  private func ofReadableAccount(
    _ user: UserID, _ left: borrowing Snapshot, _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> ProjectionDifference {
    do throws(ProjectionFailure) {
      return try ofAccount(user, left, right)
    } catch .malformedRow {
      return ProjectionDifference("account \(user)", user: user, fields: [presence])
    }
  }

  private static func user(
    with number: UInt32, _ left: borrowing Snapshot, _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> UserID? {
    if let user = try left.user(with: number) { return user }
    return try right.user(with: number)
  }

  /// Everything that differs of one account, its earlier windows and its history included.
  private func ofAccount(
    _ user: UserID, _ left: borrowing Snapshot, _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> ProjectionDifference {
    var aspects = AccountAspect.ofRow + Period.allCases.map { .allowance($0) }
    if table == .windows, let period = CountedPeriod(rawValue: key[4]) {
      aspects.append(.window(period, start: windowStart))
    }
    var differing: [AccountAspect] = []
    var fields: [ProjectionDifference.Field] = []
    for aspect in aspects {
      let mine = try left.words(aspect, of: user, calendar)
      let theirs = try right.words(aspect, of: user, calendar)
      guard mine != theirs else { continue }
      differing.append(aspect)
      fields.append(aspect.field(mine, theirs, calendar))
      // Where there is no account on one side, nothing else has to be said.
      if aspect == .existence { break }
    }
    let only = try firstPositionOfOne(user, left, right)
    if let only {
      fields.append(
        ProjectionDifference.Field(
          "the event at position \(only.position) in its history",
          only.isLeft ? "there" : "missing", only.isLeft ? "missing" : "there"))
    }
    if fields.isEmpty { fields = [presence] }
    return ProjectionDifference(
      "account \(user)", user: user, fields: fields, aspects: differing, position: only?.position)
  }

  private var windowStart: Moment {
    Moment(
      microseconds: Int64(bitPattern: key.rawBytes.word(at: 5).byteSwapped ^ (1 << 63)))
  }

  /// The first event that only one of two histories has.
  private func firstPositionOfOne(
    _ user: UserID, _ left: borrowing Snapshot, _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> (position: Position, isLeft: Bool)? {
    guard let mine = try left.account(user), let theirs = try right.account(user) else {
      return nil
    }
    let leftList = try left.history(of: mine, after: .zero, limit: .max)
    let rightList = try right.history(of: theirs, after: .zero, limit: .max)
    let shared = zip(leftList, rightList).prefix { $0 == $1 }.count
    switch (leftList.dropFirst(shared).first, rightList.dropFirst(shared).first) {
    case (nil, nil): return nil
    case (let mine?, nil): return (mine, true)
    case (nil, let theirs?): return (theirs, false)
    case (let mine?, let theirs?): return (min(mine, theirs), mine < theirs)
    }
  }

  private func ofNumberedAccount(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> ProjectionDifference {
    let number = key.rawBytes.halfWord(at: 0).byteSwapped
    let user = try Self.user(with: number, left, right)
    guard let user else {
      return ProjectionDifference("account number \(number), which is nobody's", fields: [presence])
    }
    let isOfAccount = table != .holdOwners && table != .snapshots
    guard !isOfAccount else { return try ofReadableAccount(user, left, right) }
    let position = key.rawBytes.word(at: 4).byteSwapped
    let subject =
      table == .holdOwners
      ? "hold \(position) among those of user \(user)"
      : "account \(user), as it was noted at position \(position)"
    return ProjectionDifference(subject, fields: [presence], position: Position(position))
  }

  private func ofRequest(
    _ left: borrowing Snapshot, _ right: borrowing Snapshot
  ) throws(ProjectionFailure) -> ProjectionDifference {
    guard key.count > 4 else { return unreadable }
    let number = key.rawBytes.halfWord(at: 0).byteSwapped
    let id = RequestKey.text(of: key)
    let user = try Self.user(with: number, left, right)
    let owner = user.map { "user \($0)" } ?? (number == 0 ? "the service" : "nobody")
    let positions = [row.left, row.right].compactMap { $0 }
      .filter { $0.count == WordRow.byteCount }.map { Position($0.rawBytes.word(at: 0)) }
    func text(_ value: [UInt8]?) -> String {
      guard let value else { return "missing" }
      return value.count == WordRow.byteCount ? "\(value.rawBytes.word(at: 0))" : "damaged"
    }
    let field = ProjectionDifference.Field("its position", text(row.left), text(row.right))
    return ProjectionDifference(
      "request id \(id) of \(owner)", fields: [field], position: positions.min())
  }

  private var unreadable: ProjectionDifference {
    ProjectionDifference("a row of \(table) whose key is damaged", fields: [presence])
  }

  /// Whether the row is there, and how the bytes part where it is on both sides.
  private var presence: ProjectionDifference.Field {
    guard let left = row.left, let right = row.right else {
      return ProjectionDifference.Field(
        "its row", row.left == nil ? "missing" : "there", row.right == nil ? "missing" : "there")
    }
    let shared = zip(left, right).prefix { $0 == $1 }.count
    func rest(_ bytes: [UInt8]) -> String {
      bytes.dropFirst(shared).prefix(8)
        .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
    return ProjectionDifference.Field(
      "its row from byte \(shared) on", rest(left), rest(right))
  }
}

extension RowNaming {
  /// What is no account: a hold, a token, a session.
  fileprivate var ofThing: ProjectionDifference {
    let words = key.rawBytes
    func number(at offset: Int) -> UInt64 { words.word(at: offset).byteSwapped }
    func named(_ subject: String, at position: UInt64?) -> ProjectionDifference {
      ProjectionDifference(subject, fields: fields, position: position.map { Position($0) })
    }
    switch table {
    case .tokens: return named("the token that a digest stands for", at: nil)
    case .tokenIDs: return named("token \(TokenID(number(at: 0)))", at: nil)
    case .holds: return named("hold \(number(at: 0))", at: number(at: 0))
    case .holdExpiries:
      return named("hold \(number(at: 8)) in the order of deadlines", at: number(at: 8))
    case .holdDraws:
      return named("hold \(number(at: 0)), settled in part", at: number(at: 8))
    case .systemEvents:
      return named(
        "what holds for everybody since the event at position \(number(at: 0))", at: number(at: 0))
    case .sessionNames:
      let id = String(decoding: key.prefix { $0 != 0 }, as: UTF8.self)
      return named("the sessions that were ever begun under the id \(id)", at: nil)
    case .schedules: return named("scheduled change \(number(at: 8))", at: number(at: 8))
    case .scheduleIDs: return named("scheduled change \(number(at: 0))", at: number(at: 0))
    case .corrections:
      return named("the correction of the event at position \(number(at: 0))", at: number(at: 0))
    case .sessions: return named("session \(number(at: 0))", at: nil)
    case .sessionIDs: return named("the session with the id \(text)", at: nil)
    case .sessionOwners:
      return named("session \(number(at: 16)) among those of its user", at: number(at: 16))
    case .livingSessions:
      return named("session \(number(at: 0)) among those that exist", at: number(at: 0))
    case .sessionEvents:
      return named(
        "session \(number(at: 0)), its event at position \(number(at: 8))", at: number(at: 8))
    case .sessionKeys:
      let step = String(decoding: key.dropFirst(9), as: UTF8.self)
      return named(
        key.count < 9 ? "a step of a session" : "session \(number(at: 0)), its step \(step)",
        at: nil)
    case .callExpiries:
      return named("the call that the event at position \(number(at: 8)) let in", at: number(at: 8))
    case .starts:
      return named("the start of what \(number(at: 9)) names among times to live", at: nil)
    case .budgets: return named("shared budget \(text)", at: nil)
    case .accounts, .allowances, .windows, .told, .history, .snapshots, .holdOwners, .requests:
      preconditionFailure("rows of \(table) are about an account")
    }
  }

  private var text: String { String(decoding: key, as: UTF8.self) }

  /// The values of a hold one by one; of anything else the row.
  private var fields: [ProjectionDifference.Field] {
    guard table == .holds, let left = row.left, let right = row.right,
      let mine = try? HoldRow.entry(from: left.rawBytes),
      let theirs = try? HoldRow.entry(from: right.rawBytes)
    else { return [presence] }
    let all: [(name: String, value: (HoldEntry) -> String)] = [
      ("user", { $0.hold.user.description }),
      ("tokens held", { $0.hold.tokens.description }),
      ("credits held", { "\($0.hold.credits) nano-credits" }),
      ("start", { calendar.text(of: $0.state.startedAt) }),
      ("deadline", { calendar.text(of: $0.hold.expiresAt) }),
      ("session", { $0.hold.session?.description ?? "none" }),
      ("end", { $0.state.end.map { "\($0)" } ?? "open" }),
      ("position of its end", { $0.state.endedAt.description }),
    ]
    let differing = all.filter { $0.value(mine) != $0.value(theirs) }
    guard !differing.isEmpty else { return [presence] }
    return differing.map { .init($0.name, $0.value(mine), $0.value(theirs)) }
  }
}
