internal import EventLog
internal import LMDB
internal import Projections
internal import QuotaModel

extension LedgerBatch {
  /// The account that a client means, or nil. A name counts only where its user was registered.
  mutating func account(_ reference: UserReference) throws(StoreFailure) -> AccountEntry? {
    guard let user = try user(reference) else { return nil }
    return try account(user)
  }

  mutating func account(_ user: UserID) throws(StoreFailure) -> AccountEntry? {
    return try usingProjection(fold.account(user))
  }

  mutating func user(_ reference: UserReference) throws(StoreFailure) -> UserID? {
    switch reference {
    case .id(let user): return user
    case .name(let name):
      if !newNames.isEmpty {
        for text in [name, NameRule.composed(name)] {
          if let name = try? UserName(text), let user = newNames[name] { return user }
        }
      }
      if names == nil { names = try store.names.beginReading(beforeWrite: true) }
      return try names?.user(named: name)
    }
  }

  /// Whether a name belongs to a registered user.
  mutating func isTaken(_ name: UserName) throws(StoreFailure) -> Bool {
    try account(.name(name.description)) != nil
  }

  /// The event that the same request caused before, or nil.
  mutating func earlierEvent(of submission: Submission) throws(StoreFailure) -> Event? {
    guard let id = submission.requestID else { return nil }
    let position: Position?
    do {
      position = try fold.position(ofRequest: id, by: submission.actor)
    } catch {
      throw .projection(error)
    }
    guard let position else { return nil }
    return try event(at: position)
  }

  /// An event of the log or of this batch.
  func event(at position: Position) throws(StoreFailure) -> Event? {
    guard position >= firstPosition else {
      return try usingLog(store.log.event(at: position))
    }
    let index = Int(position.rawValue - firstPosition.rawValue)
    guard index < records.count else { return nil }
    let bytes = records.bytes
    do {
      return try RecordView(checking: bytes.rawBytes.extracting(records.range(at: index))).event()
    } catch {
      throw .log(.damaged(at: position, error))
    }
  }
}

extension Event {
  /// What a request is answered that repeats the id of this event with another member.
  func conflict(in member: String) -> Answer {
    .failed(.requestConflict(member: member, position: position))
  }

  /// The same for the first of the members that differ; nil where none does.
  func conflict(_ differences: [(member: String, differs: Bool)]) -> Answer? {
    differences.first(where: \.differs).map { conflict(in: $0.member) }
  }
}

extension Receipt {
  /// The receipt that the first request got.
  init(replaying event: Event) {
    self.init(position: event.position, recordedAt: event.recordedAt, isReplayed: true)
  }
}
