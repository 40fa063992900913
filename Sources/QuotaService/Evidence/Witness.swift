internal import EventLog
internal import Evidence
internal import QuotaModel

/// The checkpoint that lies beside the log, as the file `checkpoint`: the latest one that was kept.
///
/// A log that was replaced by an older copy of itself does not bear it out. Served nevertheless, it would
/// get other records where some were signed for, and two checkpoints that contradict each other.
struct Witness {
  let path: String

  init(ofStoreAt path: String) { self.path = path + "/checkpoint" }

  /// What the file says; nil where there is none.
  func read() throws(StoreFailure) -> KeptCheckpoint? {
    guard Files.exists(path) else { return nil }
    return KeptCheckpoint(
      .file(path), try Files.read(path))
  }

  func replace(with bytes: [UInt8]) throws(StoreFailure) {
    try Files.replace(path, with: bytes)
  }

  /// Throws `logLostItsEnd` where it is about more records than `log` has; with `acceptingLostEvents` it is
  /// laid aside as `checkpoint.lost` instead.
  ///
  /// A file that no key of the store has signed says nothing about the log: that is for `verify` to tell.
  func check(
    against log: LMDBLog, keys: CheckpointKey, acceptingLostEvents: Bool
  ) throws(StoreFailure) {
    guard let kept = try read() else { return }
    let head = try usingLog(log.head())
    let size = Self.size(in: kept, signedBy: try keys.readPublic())
    guard let size, size.count > head.rawValue else { return }
    guard acceptingLostEvents else {
      throw .logLostItsEnd(log: head, projection: Position(size.count))
    }
    try Files.replace(path + ".lost", with: kept.bytes)
    try Files.remove(path)
  }

  /// How many records it is about, of whichever log; nil where no key of the store has signed it.
  private static func size(in kept: KeptCheckpoint, signedBy keys: [VerifyingKey]) -> TreeSize? {
    do { return try kept.verified(origin: nil, keys: keys).checkpoint.size } catch { return nil }
  }
}
