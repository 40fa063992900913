internal import EventLog
internal import LMDB
internal import QuotaModel

/// What the file of names says about itself, changed in the same commit as the names: how far it has come, and
/// what the last commit added before its events were in the log.
///
/// The log keeps the first part with the events, so that each can be held against the other. What was added last
/// is looked at after a crash, because the log may not have taken the events.
struct NameAccount {
  /// Commits that added something, up to this one.
  var change: UInt64 = 0
  /// Names that were erased.
  var erasedCount: UInt64 = 0
  /// Users who got a name in the last of them.
  var latestUsers: [UserID] = []
  /// Texts that it added.
  var latestTexts: [TextKey] = []

  func tally(nameCount: Int) -> NameTally {
    NameTally(change: change, givenCount: UInt64(nameCount) + erasedCount)
  }
}

/// Where a text lies.
struct TextKey: Hashable {
  let session: SessionRef
  let position: Position
}

/// It lies among the texts, under a session that cannot be: change, names erased, number of users, number of
/// texts, then these, all words.
extension NameAccount {
  static let session = SessionRef(Position(.max))
  private static let key = NameStore.key(session, .zero, 0)
  /// In the first piece, behind the length of the whole.
  private static let erasedOffset = 16

  private var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32 + 16 * (latestUsers.count + latestTexts.count))
    for word in [change, erasedCount, UInt64(latestUsers.count), UInt64(latestTexts.count)] {
      bytes.appendInteger(word)
    }
    for user in latestUsers { bytes += NameStore.key(user) }
    for text in latestTexts {
      bytes.appendInteger(text.session.position.rawValue)
      bytes.appendInteger(text.position.rawValue)
    }
    return bytes
  }

  /// nil for bytes that no account has.
  fileprivate init?(_ bytes: [UInt8]) {
    let words = stride(from: 0, to: bytes.count - 7, by: 8).map { bytes.rawBytes.word(at: $0) }
    guard words.count >= 4, words[2] <= words.count, words[3] <= words.count,
      4 + 2 * Int(words[2] + words[3]) == words.count
    else { return nil }
    change = words[0]
    erasedCount = words[1]
    let pairs = stride(from: 4, to: words.count, by: 2).map { (words[$0], words[$0 + 1]) }
    latestUsers = pairs.prefix(Int(words[2])).map { UserID(high: $0.0, low: $0.1) }
    latestTexts = pairs.dropFirst(Int(words[2])).map {
      TextKey(session: SessionRef(Position($0.0)), position: Position($0.1))
    }
  }

  /// Without what was added last; all zeros where there is no account yet.
  private init(firstPiece piece: [UInt8]?) {
    guard let piece, piece.count >= 24 else { return }
    change = piece.rawBytes.word(at: 8)
    erasedCount = piece.rawBytes.word(at: Self.erasedOffset)
  }

  /// Notes that names and texts were added by a transaction; answers what the file has come to.
  static func add(
    _ users: some Sequence<UserID>, _ texts: [SessionText], in open: OpenNames,
    _ transaction: inout WriteTransaction
  ) throws(LMDBError) -> NameTally {
    var account = Self(firstPiece: try transaction.bytes(under: key, in: open.texts))
    account.change += 1
    account.latestUsers = Array(users)
    account.latestTexts = texts.filter { $0.session != NameStore.marks }
      .map { TextKey(session: $0.session, position: $0.position) }
    try account.store(in: open, &transaction)
    return account.tally(nameCount: try transaction.count(of: open.names))
  }

  /// Notes that names are gone for good. What was added last stays as it is: another thread may be about to
  /// append its events.
  static func noteErased(
    _ count: Int, in open: OpenNames, _ transaction: inout WriteTransaction
  ) throws(LMDBError) {
    guard count > 0 else { return }
    guard var piece = try transaction.bytes(under: key, in: open.texts), piece.count >= 24 else {
      return try NameAccount(erasedCount: UInt64(count)).store(in: open, &transaction)
    }
    var sum: [UInt8] = []
    sum.appendInteger(piece.rawBytes.word(at: erasedOffset) + UInt64(count))
    piece.replaceSubrange(erasedOffset..<erasedOffset + 8, with: sum)
    try transaction.put(piece.rawBytes, under: key.rawBytes, in: open.texts)
  }

  /// Notes that the log has nothing to do any more with what was added last.
  static func settle(
    in open: OpenNames, _ transaction: inout WriteTransaction
  ) throws(LMDBError) {
    let piece = try transaction.bytes(under: key, in: open.texts)
    try Self(firstPiece: piece).store(in: open, &transaction)
  }

  private func store(
    in open: OpenNames, _ transaction: inout WriteTransaction
  ) throws(LMDBError) {
    let text = SessionText(session: Self.session, position: .zero, bytes: bytes)
    try NameStore.put(text, in: open.texts, &transaction)
  }

  /// The whole of it, with what was added last.
  static func read(from names: NameStore) throws(StoreFailure) -> NameAccount {
    try names.text(of: session, at: .zero).flatMap(NameAccount.init) ?? NameAccount()
  }

  /// What the file has come to.
  static func tally(
    in open: OpenNames, _ transaction: borrowing ReadTransaction
  ) throws(LMDBError) -> NameTally {
    var piece: [UInt8]?
    if let found = try transaction.get(key.rawBytes, in: open.texts) {
      piece = [UInt8](copying: found)
    }
    return Self(firstPiece: piece).tally(nameCount: try transaction.count(of: open.names))
  }
}
