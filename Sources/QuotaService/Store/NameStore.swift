internal import LMDB
internal import QuotaModel

/// The names of users, kept beside the log so that a person's name can be erased while every event
/// stays as it is.
///
/// A name is stored, durably, before the event that registers its user. A crash in between leaves a
/// name of nobody, which does not count and may be given again.
final class NameStore: Sendable {
  private static let tableNames = ["names", "users"]

  private let environment: Environment
  private let names: Table
  private let users: Table
  private let path: String

  init(at path: String, isReadOnly: Bool) throws(StoreFailure) {
    self.path = path
    do throws(LMDBError) {
      environment = try Environment(
        path: path,
        options: Environment.Options(
          durability: .synced, isReadOnly: isReadOnly, tables: Self.tableNames))
      names = try environment.table("names")
      users = try environment.table("users")
    } catch {
      throw Self.failure(error, path)
    }
  }

  func name(of user: UserID) throws(StoreFailure) -> UserName? {
    let key = Self.key(user)
    do throws(LMDBError) {
      let transaction = try environment.beginRead()
      guard let row = try transaction.get(key.rawBytes, in: names) else { return nil }
      return try? UserName(String(decoding: [UInt8](copying: row), as: UTF8.self))
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// Whoever carries `name`, registered or not.
  func user(named name: String) throws(StoreFailure) -> UserID? {
    try beginReading().user(named: name)
  }

  /// The names as they are now, for many questions.
  func beginReading() throws(StoreFailure) -> NameReading {
    do {
      return NameReading(transaction: try environment.beginRead(), users: users, path: path)
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// Gives names, durably. Whoever carried one of them before loses it.
  func store(_ users: [UserName: UserID]) throws(StoreFailure) {
    guard !users.isEmpty else { return }
    do throws(LMDBError) {
      var transaction = try environment.beginWrite()
      for (name, user) in users {
        let user = Self.key(user)
        let name = Array(name.description.utf8)
        try transaction.put(name.rawBytes, under: user.rawBytes, in: names)
        try transaction.put(user.rawBytes, under: name.rawBytes, in: self.users)
      }
      try transaction.commit()
    } catch {
      throw Self.failure(error, path)
    }
  }

  private static func key(_ user: UserID) -> [UInt8] {
    var key: [UInt8] = []
    key.appendInteger(user.high)
    key.appendInteger(user.low)
    return key
  }

  fileprivate static func failure(_ error: LMDBError, _ path: String) -> StoreFailure {
    switch error {
    case .noSpace, .mapFull: .diskFull
    case .permissionDenied: .permissionDenied(path: path)
    case .corrupted, .notAnEnvironment: .namesDamaged(path: path, error.description)
    default: .file(path: path, text: error.description)
    }
  }

  /// Checks that the pages of the file are what LMDB takes them for, without opening it; answers how
  /// many are in use.
  static func checkPages(at path: String) throws(StoreFailure) -> UInt64 {
    do throws(PageCheckFailure) {
      return try PageCheck.run(directory: path, tables: tableNames).reachedPageCount
    } catch {
      switch error {
      case .damaged(let damage): throw .namesDamaged(path: path, damage.description)
      case .unreadable(let error): throw failure(error, path)
      case .busy: throw .inUse(path: path, process: nil)
      }
    }
  }
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

  /// Whoever carries `name`, registered or not.
  func user(named name: String) throws(StoreFailure) -> UserID? {
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
