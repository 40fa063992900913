internal import EventLog
internal import LMDB
internal import QuotaModel

/// What lies beside the log is stored before its event is: after a crash the log may know nothing of it. What the
/// log does not bear out is removed, before anybody can ask for it and before anything takes its place.
extension NameStore {
  /// What the log says of names and texts.
  struct LogEvidence {
    enum Standing { case unknown, registered, erased }

    let standing: (UserID) throws(StoreFailure) -> Standing
    let hasText: (TextKey) throws(StoreFailure) -> Bool
  }

  /// What the file has come to.
  func tally() throws(StoreFailure) -> NameTally {
    do throws(LMDBError) {
      let open = open()
      return try NameAccount.tally(in: open, try open.environment.beginRead())
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// Removes what the last commit added and the log did not take.
  func removeLatest(without evidence: LogEvidence) throws(StoreFailure) {
    let account = try NameAccount.read(from: self)
    var unborne = Unborne()
    for user in account.latestUsers { unborne.add(user, try evidence.standing(user)) }
    for text in account.latestTexts where try !evidence.hasText(text) { unborne.texts.append(text) }
    try remove(unborne)
  }

  /// The same for everything that the file has.
  func removeAll(without evidence: LogEvidence) throws(StoreFailure) {
    var unborne = Unborne()
    try forEachKey(of: \.names, from: []) { (key) throws(StoreFailure) in
      let user = UserID(high: key.rawBytes.word(at: 0), low: key.rawBytes.word(at: 8))
      unborne.add(user, try evidence.standing(user))
    }
    var latest: TextKey?
    // The marks come first: they are looked at by themselves.
    let start = Self.key(Self.marks, Position(.max), .max)
    try forEachKey(of: \.texts, from: start) { (key) throws(StoreFailure) in
      let text = TextKey(key)
      guard text != latest, text.session != NameAccount.session else { return }
      latest = text
      if try !evidence.hasText(text) { unborne.texts.append(text) }
    }
    try remove(unborne)
  }

  private struct Unborne {
    /// Whom the log does not know, so that it never counted their names.
    private(set) var strangers: [UserID] = []
    /// Who was erased, here perhaps already: a name is counted as gone where it goes.
    private(set) var erased: [UserID] = []
    var texts: [TextKey] = []
    var isEmpty: Bool { strangers.isEmpty && erased.isEmpty && texts.isEmpty }

    mutating func add(_ user: UserID, _ standing: LogEvidence.Standing) {
      switch standing {
      case .registered: break
      case .erased: erased.append(user)
      case .unknown: strangers.append(user)
      }
    }
  }

  /// Removes it together, and leaves a mark that the file still has the bytes.
  private func remove(_ unborne: Unborne) throws(StoreFailure) {
    guard !unborne.isEmpty else { return }
    do throws(LMDBError) {
      let open = open()
      var keys: [[UInt8]] = []
      for text in unborne.texts { keys += try textKeys(of: text) }
      var transaction = try open.environment.beginWrite()
      for key in keys { try transaction.remove(key.rawBytes, from: open.texts) }
      for user in unborne.strangers { try Self.removeName(of: user, in: open, &transaction) }
      let count = try transaction.count(of: open.names)
      for user in unborne.erased { try Self.removeName(of: user, in: open, &transaction) }
      let erasedCount = count - (try transaction.count(of: open.names))
      try NameAccount.settle(in: open, &transaction)
      try NameAccount.noteErased(erasedCount, in: open, &transaction)
      try Self.put(Self.mark(ofRemainsAt: Position(.max)), in: open.texts, &transaction)
      try transaction.commit()
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// The keys of the pieces of a text.
  private func textKeys(of text: TextKey) throws(LMDBError) -> [[UInt8]] {
    let first = Self.key(text.session, text.position, 0)
    return try [first]
      + textKeys(of: text.session, behind: first).prefix { $0.prefix(16) == first.prefix(16) }
  }

  /// Shows the keys of a table that lie behind one. Nothing is read while they are looked at.
  private func forEachKey(
    of table: KeyPath<OpenNames, Table>, from start: [UInt8],
    _ body: ([UInt8]) throws(StoreFailure) -> Void
  ) throws(StoreFailure) {
    var last = start
    while true {
      let keys: [[UInt8]]
      do { keys = try nextKeys(of: table, behind: last) } catch { throw Self.failure(error, path) }
      guard let end = keys.last else { return }
      for key in keys { try body(key) }
      last = end
    }
  }

  /// The first few thousand.
  private func nextKeys(
    of table: KeyPath<OpenNames, Table>, behind last: [UInt8]
  ) throws(LMDBError) -> [[UInt8]] {
    let open = open()
    let transaction = try open.environment.beginRead()
    var cursor = try transaction.cursor(in: open[keyPath: table])
    var keys: [[UInt8]] = []
    var entry = last.isEmpty ? try cursor.first() : try cursor.seek(last.rawBytes)
    while let found = entry, keys.count < Self.keyLimit {
      let key = [UInt8](copying: found.key)
      if key != last { keys.append(key) }
      entry = try cursor.next()
    }
    return keys
  }
}

extension TextKey {
  /// From the key of a piece.
  fileprivate init(_ key: [UInt8]) {
    self.init(
      session: SessionRef(Position(key.rawBytes.word(at: 0).byteSwapped)),
      position: Position(key.rawBytes.word(at: 8).byteSwapped))
  }
}
