internal import EventLog
internal import Evidence
internal import QuotaModel

/// What a backup has: the file `manifest`, which is replaced last, so that an interrupted backup is the one
/// before.
///
///     quotalog-backup 1
///     log UUID MICROSECONDS        the log's identity, and when it was made
///     origin NAME                  what its checkpoints call it
///     made MICROSECONDS            when the backup was brought up to date
///     records FIRST LAST FILE      a file of stored records, one behind the other; one line each
///     names CHANGE COUNT           what the file of names has come to, at the least
///     checkpoint FILE              the signed checkpoint of all of them
///
/// Programs that counted no names wrote no line about them.
struct BackupManifest: Hashable {
  struct Part: Hashable {
    let first: Position
    let last: Position
    let file: String
  }

  var log: UserID
  var createdAt: Moment
  var origin: String
  var madeAt: Moment
  var parts: [Part] = []
  var names: NameTally?
  var checkpoint = ""

  private static let firstLine = "quotalog-backup 1"

  init(of log: UserID, createdAt: Moment, origin: String, madeAt: Moment) {
    self.log = log
    self.createdAt = createdAt
    self.origin = origin
    self.madeAt = madeAt
  }

  var last: Position { parts.last?.last ?? .zero }

  var text: String {
    let lines =
      [
        Self.firstLine, "log \(log) \(createdAt.microseconds)", "origin \(origin)",
        "made \(madeAt.microseconds)",
      ] + parts.map { "records \($0.first) \($0.last) \($0.file)" }
      + [names].compactMap { $0.map { "names \($0.change) \($0.givenCount)" } }
      + ["checkpoint \(checkpoint)"]
    return lines.map { "\($0)\n" }.joined()
  }

  /// nil where the text is not what `text` writes, without a gap between the parts.
  init?(_ text: String) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    guard lines.popFirst() == Self.firstLine[...], lines.popLast() == "",
      let log = Self.words(lines.popFirst(), "log", 2), let id = UserID(spelling: log[0]),
      let createdAt = Int64(log[1]), let origin = Self.words(lines.popFirst(), "origin", 1),
      let made = Self.words(lines.popFirst(), "made", 1).flatMap({ Int64($0[0]) }),
      let checkpoint = Self.words(lines.popLast(), "checkpoint", 1)
    else { return nil }
    self.init(
      of: id, createdAt: Moment(microseconds: createdAt), origin: origin[0],
      madeAt: Moment(microseconds: made))
    self.checkpoint = checkpoint[0]
    if let words = Self.words(lines.last, "names", 2) {
      guard let change = UInt64(words[0]), let count = UInt64(words[1]) else { return nil }
      names = NameTally(change: change, givenCount: count)
      lines.removeLast()
    }
    for line in lines {
      guard let words = Self.words(line, "records", 3), let first = UInt64(words[0]),
        let end = UInt64(words[1]), Position(first) == last.next, first <= end, end < .max,
        Self.isFileName(words[2])
      else { return nil }
      parts.append(Part(first: Position(first), last: Position(end), file: words[2]))
    }
    guard Self.isFileName(self.checkpoint) else { return nil }
  }

  private static func words(_ line: Substring?, _ name: String, _ count: Int) -> [String]? {
    guard let line else { return nil }
    let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    return words.count == count + 1 && words[0] == name ? Array(words.dropFirst()) : nil
  }

  /// Whatever is read lies in the backup itself.
  private static func isFileName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
      }
  }
}
