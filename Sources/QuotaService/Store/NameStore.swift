internal import EventLog
internal import LMDB
internal import QuotaModel

/// The names of users, kept beside the log so that a person's name can be erased while every event
/// stays as it is.
///
/// A name is stored, durably, before the event that registers its user. A crash in between leaves a
/// name of nobody, which the next start removes.
final class NameStore: Sendable {
  static let tableNames = ["names", "users", "texts"]
  /// Pieces are small, so that no text needs many free pages side by side.
  private static let pieceByteCount = 16_000
  /// Keys that are read, or removed, at once.
  static let keyLimit = 4096

  private let opened: OpenNames
  let path: String

  init(at path: String, isReadOnly: Bool) throws(StoreFailure) {
    self.path = path
    do throws(LMDBError) {
      opened = try OpenNames(at: path, isReadOnly: isReadOnly)
    } catch {
      throw Self.failure(error, path)
    }
  }

  func open() -> OpenNames { opened }

  /// Closes the file and opens it again, so that LMDB forgets what it had in memory; false where
  /// somebody reads.
  func reopen() throws(LMDBError) -> Bool { try opened.environment.reopenIfUnused() }

  func name(of user: UserID) throws(StoreFailure) -> UserName? {
    let key = Self.key(user)
    do throws(LMDBError) {
      let open = open()
      let transaction = try open.environment.beginRead()
      guard let row = try transaction.get(key.rawBytes, in: open.names) else { return nil }
      return try? UserName(String(decoding: [UInt8](copying: row), as: UTF8.self))
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// Whoever carries `name`, registered or not.
  func user(named name: String) throws(StoreFailure) -> UserID? {
    try beginReading().user(named: name)
  }

  /// The names as they are now, for many questions; `beforeWrite` where some are going to be given meanwhile.
  func beginReading(beforeWrite: Bool = false) throws(StoreFailure) -> NameReading {
    do throws(LMDBError) {
      let open = open()
      let environment = open.environment
      let transaction =
        try beforeWrite ? environment.beginReadBeforeWrite() : environment.beginRead()
      let users = try open.users(in: transaction)
      return NameReading(transaction: transaction, users: users, path: path)
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// Gives names and keeps texts, durably; answers what the file has come to, for the log to keep with the
  /// events, or nil where it stays as it is. Whoever carried one of the names before loses it.
  @discardableResult
  func store(
    _ users: [UserName: UserID], _ texts: [SessionText] = []
  ) throws(StoreFailure) -> NameTally? {
    do throws(LMDBError) {
      let open = open()
      let texts = try needed(texts, open)
      guard !users.isEmpty || !texts.isEmpty else { return nil }
      var transaction = try open.environment.beginWrite()
      for (name, user) in users { try Self.put(name, of: user, in: open, &transaction) }
      for text in texts { try Self.put(text, in: open.texts, &transaction) }
      let tally = try NameAccount.add(users.values, texts, in: open, &transaction)
      try transaction.commit()
      return tally
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// Nobody else keeps the name, and the user keeps no other one.
  private static func put(
    _ name: UserName, of user: UserID, in open: OpenNames, _ transaction: inout WriteTransaction
  ) throws(LMDBError) {
    try removeName(of: user, in: open, &transaction)
    let user = key(user)
    let name = Array(name.description.utf8)
    let users = try open.writableUsers(in: transaction)
    let other = try transaction.bytes(under: name, in: users.serving)
    if let other { try transaction.remove(other.rawBytes, from: open.names) }
    try transaction.put(name.rawBytes, under: user.rawBytes, in: open.names)
    for table in users.all {
      try transaction.put(user.rawBytes, under: name.rawBytes, in: table)
    }
  }

  /// The texts that say something, or hide what a crash left behind of an event that was never
  /// appended.
  private func needed(
    _ texts: [SessionText], _ open: OpenNames
  ) throws(LMDBError) -> [SessionText] {
    guard texts.contains(where: \.bytes.isEmpty) else { return texts }
    let transaction = try open.environment.beginRead()
    var needed: [SessionText] = []
    for text in texts {
      let key = Self.key(text.session, text.position, 0)
      let isThere = try transaction.get(key.rawBytes, in: open.texts) != nil
      if isThere || !text.bytes.isEmpty { needed.append(text) }
    }
    return needed
  }

  static func put(
    _ text: SessionText, in table: Table, _ transaction: inout WriteTransaction
  ) throws(LMDBError) {
    // The length comes first: a longer text may lie there of an event that was never appended.
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.bytes.count + 8)
    bytes.appendInteger(UInt64(text.bytes.count))
    bytes.append(contentsOf: text.bytes)
    for (number, start) in stride(from: 0, to: bytes.count, by: pieceByteCount).enumerated() {
      let end = min(start + pieceByteCount, bytes.count)
      let key = Self.key(text.session, text.position, UInt32(number))
      try transaction.put(
        bytes.rawBytes.extracting(start..<end), under: key.rawBytes, in: table)
    }
  }

  /// The text of a session's event, or nil where it has none or it was erased.
  func text(of session: SessionRef, at position: Position) throws(StoreFailure) -> [UInt8]? {
    var text: [UInt8] = []
    var number: UInt32 = 0
    do throws(LMDBError) {
      let open = open()
      let transaction = try open.environment.beginRead()
      repeat {
        let key = Self.key(session, position, number)
        guard let piece = try transaction.get(key.rawBytes, in: open.texts) else { return nil }
        unsafe piece.withUnsafeBytes { unsafe text.append(contentsOf: $0) }
        number += 1
      } while text.count < 8 || text.count - 8 < Int(text.rawBytes.word(at: 0))
    } catch {
      throw Self.failure(error, path)
    }
    let count = Int(text.rawBytes.word(at: 0))
    return count == 0 ? nil : Array(text.dropFirst(8).prefix(count))
  }

  /// The keys of a session's texts behind `last`; the first few thousand.
  func textKeys(
    of session: SessionRef, behind last: [UInt8]
  ) throws(LMDBError) -> [[UInt8]] {
    let open = open()
    let transaction = try open.environment.beginRead()
    var cursor = try transaction.cursor(in: open.texts)
    var keys: [[UInt8]] = []
    var entry = try cursor.seek(last.rawBytes)
    while let found = entry, keys.count < Self.keyLimit {
      let key = [UInt8](copying: found.key)
      guard key.prefix(8) == last.prefix(8) else { break }
      if key != last { keys.append(key) }
      entry = try cursor.next()
    }
    return keys
  }

  static func key(
    _ session: SessionRef, _ position: Position, _ piece: UInt32
  ) -> [UInt8] {
    var key: [UInt8] = []
    key.appendInteger(session.position.rawValue.byteSwapped)
    key.appendInteger(position.rawValue.byteSwapped)
    key.appendInteger(piece.byteSwapped)
    return key
  }

  static func key(_ user: UserID) -> [UInt8] {
    var key: [UInt8] = []
    key.appendInteger(user.high)
    key.appendInteger(user.low)
    return key
  }

  static func failure(_ error: LMDBError, _ path: String) -> StoreFailure {
    switch error {
    case .noSpace, .mapFull: .diskFull
    case .permissionDenied: .permissionDenied(path: path)
    case .corrupted, .notAnEnvironment: .namesDamaged(path: path, error.description)
    case .inputOutput, .fileTooLarge, .failedBefore, .heldByReaders, .readersFull, .otherVersion,
      .noSuchDirectory, .networkFileSystem, .alreadyOpen, .noSuchTable, .other:
      .file(path: path, text: error.description)
    }
  }

  /// Writes a consistent copy of the file into the empty directory `path`, whoever writes meanwhile.
  func copy(to path: String) throws(StoreFailure) {
    do throws(LMDBError) {
      let open = open()
      try open.environment.copy(to: path)
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// Checks that the pages of the file are what LMDB takes them for, without opening it; answers how
  /// many are in use.
  static func checkPages(at path: String) throws(StoreFailure) -> UInt64 {
    do throws(PageCheckFailure) {
      return try checkPages(in: path)
    } catch {
      switch error {
      case .damaged(let damage): throw .namesDamaged(path: path, damage.description)
      case .unreadable(let error): throw failure(error, path)
      case .busy: throw .inUse(path: path, process: nil)
      }
    }
  }
}

extension NameStore {
  /// The same of `file`, which may be a copy that has another name.
  @discardableResult
  static func checkPages(
    in directory: String, file: String = "data.mdb"
  ) throws(PageCheckFailure) -> UInt64 {
    try PageCheck.run(
      directory: directory, file: file, tables: tableNames,
      optionalTables: [UserTables.successorName]
    ).reachedPageCount
  }
}

/// The file of names and its tables.
struct OpenNames: Sendable {
  let environment: Environment
  let names: Table
  /// Name → user, but for the time in which it is written anew: `users(in:)` tells which table serves.
  let users: Table
  /// Session, position, number of the piece → text of an event.
  let texts: Table

  init(at path: String, isReadOnly: Bool) throws(LMDBError) {
    environment = try Environment(
      path: path,
      options: Environment.Options(
        durability: .synced, isReadOnly: isReadOnly, tables: NameStore.tableNames,
        optionalTables: [UserTables.successorName]))
    names = try environment.table("names")
    users = try environment.table("users")
    texts = try environment.table("texts")
  }
}

/// The text that belongs to an event of a session: what people and models said.
struct SessionText {
  let session: SessionRef
  let position: Position
  let bytes: [UInt8]
}

/// The names at one moment.
struct NameReading: ~Copyable {
  private let transaction: ReadTransaction
  private let users: Table
  private let path: String

  fileprivate init(transaction: consuming ReadTransaction, users: Table, path: String) {
    self.transaction = transaction
    self.users = users
    self.path = path
  }

  /// Whoever carries `name`, registered or not: the very name, else its composed form, in which names are
  /// registered.
  func user(named name: String) throws(StoreFailure) -> UserID? {
    if let user = try user(withExactly: name) { return user }
    let composed = NameRule.composed(name)
    return composed.utf8.elementsEqual(name.utf8) ? nil : try user(withExactly: composed)
  }

  private func user(withExactly name: String) throws(StoreFailure) -> UserID? {
    let key = Array(name.utf8)
    guard (1...UserName.maximumByteCount).contains(key.count) else { return nil }
    do throws(LMDBError) {
      guard let row = try transaction.get(key.rawBytes, in: users), row.byteCount == 16 else {
        return nil
      }
      return UserID(high: row.word(at: 0), low: row.word(at: 8))
    } catch {
      throw NameStore.failure(error, path)
    }
  }
}

extension WriteTransaction {
  func bytes(under key: [UInt8], in table: Table) throws(LMDBError) -> [UInt8]? {
    guard let value = try get(key.rawBytes, in: table) else { return nil }
    return [UInt8](copying: value)
  }
}
