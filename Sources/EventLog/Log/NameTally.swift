internal import LMDB

/// How much of the names beside the log belongs to its events; the log keeps the latest, so that a file of names
/// that is missing, empty or an older one can be told from the right one.
public struct NameTally: Hashable, Sendable {
  /// The number of the change of that file that came before the events.
  public let change: UInt64
  /// Names that were ever given, those that were erased since included.
  public let givenCount: UInt64

  public init(change: UInt64, givenCount: UInt64) {
    self.change = change
    self.givenCount = givenCount
  }

  /// Whether a file that has come so far lacks nothing of what `other` counted.
  public func covers(_ other: NameTally) -> Bool {
    change >= other.change && givenCount >= other.givenCount
  }
}

extension LMDBLog {
  /// What the log knows of the names beside it; nil where no program has counted them yet.
  public func nameTally() throws(LogFailure) -> NameTally? {
    do throws(LMDBError) {
      let entry = try store.metaEntry(NameTallyEntry.key)
      return entry.flatMap { NameTallyEntry.read($0.rawBytes) }
    } catch {
      throw LogFailure(error, path: path)
    }
  }

  /// Keeps a count that comes with no events, durably. Only the thread that appends may.
  public func store(_ tally: NameTally) throws(LogFailure) {
    do throws(LMDBError) {
      var transaction = try store.environment.beginWrite()
      try store.put(tally, in: &transaction)
      try transaction.commit()
    } catch {
      throw LogFailure(error, path: path)
    }
  }
}

extension LogStore {
  func put(
    _ tally: NameTally, in transaction: inout WriteTransaction
  ) throws(LMDBError) {
    let key = NameTallyEntry.key
    let entry = NameTallyEntry.bytes(of: tally)
    try transaction.put(entry.rawBytes, under: key.rawBytes, in: meta)
  }
}

/// The entry `names` of the table `meta`: change and count, little-endian words.
private enum NameTallyEntry {
  static let key = Array("names".utf8)

  static func bytes(of tally: NameTally) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(tally.change)
    bytes.appendInteger(tally.givenCount)
    return bytes
  }

  static func read(_ bytes: RawSpan) -> NameTally? {
    guard bytes.byteCount == 16 else { return nil }
    return NameTally(change: bytes.word(at: 0), givenCount: bytes.word(at: 8))
  }
}
