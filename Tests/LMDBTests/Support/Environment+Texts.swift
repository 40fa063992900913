import LMDB
import TestSupport

extension TemporaryDirectory {
  /// An environment in this directory; small, because tests fill nothing.
  func environment(
    tables: [String] = ["words"], isReadOnly: Bool = false, mapByteCount: Int = 1 << 24,
    maximumReaderCount: UInt32 = 16
  ) throws(LMDBError) -> Environment {
    try Environment(
      path: path,
      options: Environment.Options(
        durability: .unsynced, isReadOnly: isReadOnly, tables: tables, mapByteCount: mapByteCount,
        maximumReaderCount: maximumReaderCount))
  }
}

extension Environment {
  /// The table that these tests write to.
  var words: Table {
    get throws(LMDBError) { try table("words") }
  }

  /// Commits one entry.
  func store(_ value: String, under key: String) throws(LMDBError) {
    var transaction = try beginWrite()
    try transaction.put(value, under: key, in: words)
    try transaction.commit()
  }

  /// What a new reader finds under a key.
  func text(under key: String) throws(LMDBError) -> String? {
    try beginRead().text(under: key, in: words)
  }

  /// Every entry of the table, as a new reader sees it.
  func entries() throws(LMDBError) -> [String] {
    let transaction = try beginRead()
    var cursor = try transaction.cursor(in: words)
    var entries: [String] = []
    while let entry = try cursor.next() { entries.append(entry.text) }
    return entries
  }
}

extension ReadTransaction {
  func text(under key: String, in table: Table) throws(LMDBError) -> String? {
    let key = Array(key.utf8)
    return try get(key.rawBytes, in: table)?.text
  }
}

extension WriteTransaction {
  func text(under key: String, in table: Table) throws(LMDBError) -> String? {
    let key = Array(key.utf8)
    return try get(key.rawBytes, in: table)?.text
  }

  mutating func put(_ value: String, under key: String, in table: Table) throws(LMDBError) {
    let (key, value) = (Array(key.utf8), Array(value.utf8))
    try put(value.rawBytes, under: key.rawBytes, in: table)
  }

  mutating func insert(
    _ value: String, under key: String, in table: Table
  ) throws(LMDBError) -> Bool {
    let (key, value) = (Array(key.utf8), Array(value.utf8))
    return try insert(value.rawBytes, under: key.rawBytes, in: table)
  }

  mutating func append(_ value: String, under key: String, in table: Table) throws(LMDBError) {
    let (key, value) = (Array(key.utf8), Array(value.utf8))
    try append(value.rawBytes, under: key.rawBytes, in: table)
  }

  mutating func remove(_ key: String, from table: Table) throws(LMDBError) -> Bool {
    let key = Array(key.utf8)
    return try remove(key.rawBytes, from: table)
  }
}

extension OrderedPut {
  mutating func put(_ value: String, under key: String) throws(LMDBError) {
    let (key, value) = (Array(key.utf8), Array(value.utf8))
    try put(value.rawBytes, under: key.rawBytes)
  }

  mutating func putAscending(_ value: String, under key: String) throws(LMDBError) {
    let (key, value) = (Array(key.utf8), Array(value.utf8))
    try putAscending(value.rawBytes, under: key.rawBytes)
  }
}

extension Cursor {
  @_lifetime(copy self)
  mutating func seek(_ key: String) throws(LMDBError) -> Entry? {
    let key = Array(key.utf8)
    return try seek(key.rawBytes)
  }
}

extension Entry {
  /// `key=value`.
  var text: String { "\(key.text)=\(value.text)" }
}

extension RawSpan {
  var text: String { String(decoding: bytes, as: UTF8.self) }

  var bytes: [UInt8] { [UInt8](copying: self) }
}
