internal import QuotaModel

/// A small text file beside the log that says how far somebody has come: a line with its format, one with
/// the log that it is about and how many lines follow, then a line of words for each of them.
///
/// Format 1 did not say how many lines follow, so that an end that is missing could not be told.
struct PositionFile: Sendable {
  let readers: PositionReaders
  private let path: String
  private let log: UserID

  init(of readers: PositionReaders, in store: Store) {
    self.init(of: readers, inStoreAt: store.path, log: store.logID)
  }

  init(of readers: PositionReaders, inStoreAt storePath: String, log: UserID) {
    self.readers = readers
    path = storePath + "/" + readers.rawValue
    self.log = log
  }

  /// What is thrown for a line that makes no sense: guessing would lose events silently.
  var damage: StoreFailure { .positionsDamaged(path: path, of: readers) }

  private func format(_ number: Int) -> String { "quotalog-\(readers.rawValue) \(number)" }

  /// The words of each line; nothing where there is no file, or one of another log.
  func read() throws(StoreFailure) -> [[Substring]] {
    guard Files.exists(path) else { return [] }
    let bytes = try Files.read(path)
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\n")
    guard lines.count >= 2, text.hasSuffix("\n") else { throw damage }
    let entries = lines.dropFirst(2)
    let words = lines[1].split(separator: " ", omittingEmptySubsequences: false)
    switch String(lines[0]) {
    case format(1): guard words.count == 2 else { throw damage }
    case format(2): guard words.count == 3, words[2] == "\(entries.count)" else { throw damage }
    default: throw damage
    }
    guard words[0] == "log" else { throw damage }
    guard words[1] == "\(log)" else { return [] }
    return entries.map { $0.split(separator: " ", omittingEmptySubsequences: false) }
  }

  /// Replaces the file, and returns when it is on the disk.
  func write(_ lines: [String]) throws(StoreFailure) {
    let head = [format(2), "log \(log) \(lines.count)"]
    let text = (head + lines).map { $0 + "\n" }.joined()
    try Files.replace(path, with: Array(text.utf8))
  }
}
