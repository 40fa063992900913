internal import Glibc
internal import LMDB
internal import QuotaModel

/// The file `trust` beside a generation's pages: what whoever wrote it last claims of them.
///
/// It lies outside the pages so that no loss of one of them can bring back what was claimed before: it
/// is replaced in one step, and durably wherever the pages are about to become less than it says.
struct TrustMark: Hashable {
  enum Claim: String {
    case building
    case inUse = "in use"
    case closed
  }

  let claim: Claim
  /// The boot of the machine that the claim was made in.
  let bootID: String
  /// The file whose pages it is about.
  let file: FileIdentity
  /// The last event that was stored then.
  let position: Position
  /// The log that it is of; nil in a mark of before logs were named.
  let log: UserID?
  /// Where the claim is that all pages are on the disk: the commit that they are of.
  let commit: CommitMark?

  static let name = "trust"
  private static let heading = "quotalog generation 2"
  /// Of marks that name no log.
  private static let earlierHeading = "quotalog generation 1"

  /// The mark in `directory`; nil where there is none, or what a crash has left of one.
  init?(in directory: String) throws(ProjectionFailure) {
    let file: RunFile
    do throws(ProjectionFailure) {
      file = try RunFile("\(directory)/\(Self.name)", O_RDONLY | O_CLOEXEC)
    } catch .missing {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: try file.byteCount())
    bytes.removeLast(bytes.count - (try file.read(into: &bytes, from: 0, at: 0)))
    self.init(String(decoding: bytes, as: UTF8.self))
  }

  init(
    _ claim: Claim, _ bootID: String, _ file: FileIdentity, _ position: Position, log: UserID?,
    _ commit: CommitMark? = nil
  ) {
    self.claim = claim
    self.bootID = bootID
    self.file = file
    self.position = position
    self.log = log
    self.commit = commit
  }

  private init?(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let namesLog = lines[0] == Self.heading
    guard namesLog || lines[0] == Self.earlierHeading, lines.count == (namesLog ? 8 : 7),
      let claim = Claim(rawValue: lines[1]), let file = FileIdentity(lines[3]),
      let position = UInt64(lines[4]), let commit = [UInt8](hexadecimal: lines[5])
    else { return nil }
    let log = UserID(spelling: lines[6])
    guard namesLog == (log != nil) else { return nil }
    self.init(
      claim, lines[2], file, Position(position), log: log,
      commit.isEmpty ? nil : CommitMark(bytes: commit))
  }

  private var text: String {
    let commit = commit?.bytes.hexadecimal ?? ""
    let heading = log == nil ? Self.earlierHeading : Self.heading
    let lines = [heading, claim.rawValue, bootID, file.text, "\(position.rawValue)", commit]
    return (lines + [log?.description, ""].compactMap(\.self)).joined(separator: "\n")
  }

  /// Replaces the mark in `directory`; with `isDurable` it returns when the disk has it.
  func write(in directory: String, isDurable: Bool) throws(ProjectionFailure) {
    let path = "\(directory)/\(Self.name)"
    let file = try RunFile(path + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
    try file.write(Array(text.utf8), at: 0)
    if isDurable { try file.sync() }
    try file.rename(to: path)
    if isDurable { try RunDirectory.sync(directory) }
  }

  /// Takes the mark away, durably: nothing is claimed of the pages any more.
  static func remove(from directory: String) throws(ProjectionFailure) {
    try unlink(from: directory)
    try RunDirectory.sync(directory)
  }

  /// The same without a flush: a power cut may bring it back.
  static func unlink(from directory: String) throws(ProjectionFailure) {
    try RunDirectory.remove("\(directory)/\(name)")
  }
}

/// Tells a file from its copies, and from what it was before it was written to.
struct FileIdentity: Hashable {
  let device: UInt64
  let inode: UInt64
  /// When its content changed last, in nanoseconds.
  let changed: Int64

  /// The data file in `directory`; nil where there is none.
  init?(ofFileIn directory: String) throws(ProjectionFailure) {
    let path = directory + "/data.mdb"
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw ProjectionFailure(systemCode: errno, path: path)
    }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    changed = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
  }

  init?(_ text: String) {
    let words = text.split(separator: " ")
    guard words.count == 3, let device = UInt64(words[0]), let inode = UInt64(words[1]),
      let changed = Int64(words[2])
    else { return nil }
    self.device = device
    self.inode = inode
    self.changed = changed
  }

  var text: String { "\(device) \(inode) \(changed)" }

  /// Whether it is the same file, however often it was written to. Only within one boot: a device may
  /// have another number after the next one.
  func isSameFile(as other: FileIdentity) -> Bool {
    device == other.device && inode == other.inode
  }

  /// Whether it is the same file, and nobody has written to it.
  func isSameContent(as other: FileIdentity) -> Bool {
    inode == other.inode && changed == other.changed
  }
}

extension [UInt8] {
  /// nil where the text is not pairs of digits.
  fileprivate init?(hexadecimal text: String) {
    let digits = [Character](text)
    guard digits.count % 2 == 0, digits.allSatisfy(\.isHexDigit) else { return nil }
    self = stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
  }

  fileprivate var hexadecimal: String {
    let digits = [Character]("0123456789abcdef")
    return String(flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] })
  }
}
