internal import LMDB
internal import QuotaModel

/// What was said in a session, and what a user was called, is erased when its deletion is in the log.
/// A mark is stored before, so that a crash in between leaves nothing behind for good.
extension NameStore {
  /// Marks lie among the texts, under a session that cannot be: positions begin with 1.
  static let marks = SessionRef(.zero)

  /// What is to be erased once the log says so.
  enum Mark {
    /// The texts of a session.
    case session(SessionRef)
    /// The name of a user.
    case user(UserID)
    /// Nothing any more, but the file still has the bytes.
    case remains

    fileprivate var bytes: [UInt8] {
      switch self {
      case .session: [1]
      case .user(let user): [2] + NameStore.key(user)
      case .remains: [3]
      }
    }

    /// nil for what no mark says.
    init?(_ bytes: [UInt8], at position: Position) {
      switch (bytes.first, bytes.count) {
      case (1, 1): self = .session(SessionRef(position))
      case (2, 17):
        let words = Array(bytes.dropFirst())
        self = .user(
          UserID(high: words.rawBytes.word(at: 0), low: words.rawBytes.word(at: 8)))
      case (3, 1): self = .remains
      default: return nil
      }
    }
  }

  /// Says that a session's texts are to be erased once its deletion is in the log.
  static func mark(of session: SessionRef) -> SessionText {
    SessionText(
      session: marks, position: session.position, bytes: Mark.session(session).bytes)
  }

  /// Says that a user's name is to be erased once the event at `position` is in the log.
  static func mark(of user: UserID, at position: Position) -> SessionText {
    SessionText(session: marks, position: position, bytes: Mark.user(user).bytes)
  }

  /// Says that the file still has the bytes of what was erased.
  static func mark(ofRemainsAt position: Position) -> SessionText {
    SessionText(session: marks, position: position, bytes: Mark.remains.bytes)
  }

  /// Erases what is marked and gone, and forgets the marks; of a user a mark stays that says that the
  /// file still has the bytes. Answers whether there is such a mark.
  func erase(where isGone: (Mark) throws(StoreFailure) -> Bool) throws(StoreFailure) -> Bool {
    var hasRemains = false
    var last = Self.key(Self.marks, .zero, 0)
    while true {
      let page = try markedPositions(behind: last)
      guard let end = page.last else { return hasRemains }
      var removal = Removal(of: self)
      for position in page {
        let mark = try text(of: Self.marks, at: position).flatMap { Mark($0, at: position) }
        let isGone = try mark.map(isGone) ?? false
        switch mark {
        case .session(let session) where isGone: try removal.addTexts(of: session)
        case .user(let user) where isGone: removal.addName(of: user)
        case .remains, .user, .session, nil: break
        }
        switch mark {
        case .remains: hasRemains = true
        case .user where isGone:
          hasRemains = true
          removal.leaveRemains(at: position)
        case .user, .session, nil: removal.addMark(at: position)
        }
      }
      try removal.finish()
      last = Self.key(Self.marks, end, 0)
    }
  }

  /// The marks behind a key; the first few thousand.
  func markedPositions(
    behind last: [UInt8] = NameStore.key(NameStore.marks, .zero, 0)
  ) throws(StoreFailure) -> [Position] {
    do throws(LMDBError) {
      return try textKeys(of: Self.marks, behind: last).map {
        Position($0.rawBytes.word(at: 8).byteSwapped)
      }
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// What is removed together: a flush for each session would take too long where there are many.
  private struct Removal {
    private let store: NameStore
    private var texts: [[UInt8]] = []
    private var users: [UserID] = []
    private var marks: [[UInt8]] = []
    private var remains: [SessionText] = []

    init(of store: NameStore) { self.store = store }

    mutating func addTexts(of session: SessionRef) throws(StoreFailure) {
      var last = NameStore.key(session, .zero, 0)
      while true {
        let keys: [[UInt8]]
        do { keys = try store.textKeys(of: session, behind: last) } catch {
          throw NameStore.failure(error, store.path)
        }
        guard let end = keys.last else { return }
        texts += keys
        last = end
        // What is removed early stays marked until the end.
        if texts.count >= NameStore.keyLimit { try flush() }
      }
    }

    mutating func addName(of user: UserID) { users.append(user) }

    mutating func addMark(at position: Position) {
      marks.append(NameStore.key(NameStore.marks, position, 0))
    }

    mutating func leaveRemains(at position: Position) {
      remains.append(NameStore.mark(ofRemainsAt: position))
    }

    private mutating func flush() throws(StoreFailure) {
      try store.remove(texts: texts, names: [], leaving: [])
      texts.removeAll(keepingCapacity: true)
    }

    mutating func finish() throws(StoreFailure) {
      try store.remove(texts: texts + marks, names: users, leaving: remains)
    }
  }

  fileprivate func remove(
    texts: [[UInt8]], names: [UserID], leaving remains: [SessionText]
  ) throws(StoreFailure) {
    guard !texts.isEmpty || !names.isEmpty || !remains.isEmpty else { return }
    do throws(LMDBError) {
      let open = open()
      var transaction = try open.environment.beginWrite()
      for key in texts { try transaction.remove(key.rawBytes, from: open.texts) }
      let count = try transaction.count(of: open.names)
      for user in names { try Self.removeName(of: user, in: open, &transaction) }
      let erasedCount = count - (try transaction.count(of: open.names))
      try NameAccount.noteErased(erasedCount, in: open, &transaction)
      for mark in remains { try Self.put(mark, in: open.texts, &transaction) }
      try transaction.commit()
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// Removes a user's name, which somebody else may carry by now.
  static func removeName(
    of user: UserID, in open: OpenNames, _ transaction: inout WriteTransaction
  ) throws(LMDBError) {
    let user = key(user)
    guard let name = try transaction.bytes(under: user, in: open.names) else { return }
    try transaction.remove(user.rawBytes, from: open.names)
    let users = try open.writableUsers(in: transaction)
    guard try transaction.bytes(under: name, in: users.serving) == user else { return }
    for table in users.all { try transaction.remove(name.rawBytes, from: table) }
  }
}

extension Store {
  /// Erases what the log says is gone; answers whether the file still has bytes of an erased user.
  func eraseDeleted() throws(StoreFailure) -> Bool {
    try names.erase { (mark) throws(StoreFailure) in
      switch mark {
      case .session(let ref): try Queries(self).session(ref)?.phase == .deleted
      case .user(let user): try Queries(self).user(.id(user))?.account.isErased ?? false
      case .remains: true
      }
    }
  }
}
