internal import QuotaModel

/// A small text file beside the log that says how far somebody has come: a line with its format, one with
/// the log that it is about, then a line of words for each of them.
struct PositionFile: Sendable {
  let readers: PositionReaders
  private let path: String
  private let format: String
  private let log: UserID

  init(of readers: PositionReaders, in store: Store) {
    self.init(of: readers, inStoreAt: store.path, log: store.logID)
  }

  init(of readers: PositionReaders, inStoreAt storePath: String, log: UserID) {
    self.readers = readers
    path = storePath + "/" + readers.rawValue
    format = "quotalog-\(readers.rawValue) 1"
    self.log = log
  }

  /// What is thrown for a line that makes no sense: guessing would lose events silently.
  var damage: StoreFailure { .positionsDamaged(path: path, of: readers) }

  /// The words of each line; nothing where there is no file, or one of another log.
  func read() throws(StoreFailure) -> [[Substring]] {
    guard Files.exists(path) else { return [] }
    let bytes = try usingFiles { () throws(FileFailure) in try Files.read(path) }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    guard lines.count >= 2, lines[0] == format, lines[1].hasPrefix("log ") else { throw damage }
    guard lines[1] == "log \(log)" else { return [] }
    return lines.dropFirst(2).map { $0.split(separator: " ", omittingEmptySubsequences: false) }
  }

  /// Replaces the file, and returns when it is on the disk.
  func write(_ lines: [String]) throws(StoreFailure) {
    let text = ([format, "log \(log)"] + lines).map { $0 + "\n" }.joined()
    try usingFiles { () throws(FileFailure) in try Files.replace(path, with: Array(text.utf8)) }
  }
}
