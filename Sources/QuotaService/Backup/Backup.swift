public import EventLog
public import Evidence
internal import Glibc
internal import LMDB
public import QuotaModel

/// A directory that `Store.backUp` has filled.
public struct Backup: Sendable {
  public let path: String
  let manifest: BackupManifest

  /// Files that are copied as they are: the keys, and how far receivers of events have come.
  ///
  /// In this order: a changed key comes behind its published half, among which those before stay. Whatever
  /// interrupts a run, every key and every signature in the backup has its half there.
  static let plainFiles: [(name: String, mode: mode_t)] = [
    ("checkpoint.pub", 0o640), ("checkpoint.key", 0o600), ("webhooks", 0o640),
    ("consumers", 0o640),
  ]

  /// Whether a directory has nothing but what a first backup leaves behind that was interrupted; anything
  /// else belongs to somebody else.
  static func isUnfinished(_ names: [String]) -> Bool {
    // The files of the store come last: without the names before them they are somebody else's.
    let plain = names.contains("names.mdb") ? plainFiles.map(\.name) : []
    let known = ["lock", "names.new", "names.mdb", "manifest"] + plain
    return names.allSatisfy { (name) in
      let name = name.hasSuffix(".new") && name != "names.new" ? String(name.dropLast(4)) : name
      return known.contains(name) || name.hasPrefix("records-") || name.hasPrefix("checkpoint-")
    }
  }

  /// Opens the backup at `path`; nothing but its manifest is read.
  public init(at path: String) throws(StoreFailure) {
    guard Files.exists(path + "/manifest") else {
      throw .backupRefused(path: path, "there is no backup")
    }
    let bytes = try Files.read(path + "/manifest")
    guard let manifest = BackupManifest(String(decoding: bytes, as: UTF8.self)) else {
      throw .backupRefused(path: path + "/manifest", "it is not what a backup writes there")
    }
    self.path = path
    self.manifest = manifest
  }

  /// The last record that it has.
  public var position: Position { manifest.last }

  /// When it was brought up to date.
  public var madeAt: Moment { manifest.madeAt }

  /// Reads and hashes every record, and compares with the checkpoint that was signed.
  ///
  /// - Parameters:
  ///   - keys: Whose signatures count; nil: those of the keys in the backup itself.
  ///   - body: Is shown every record.
  @discardableResult
  public func verify(
    trusting keys: [VerifyingKey]? = nil, progress: ProgressReport? = nil,
    _ body: (borrowing RecordView) throws(StoreFailure) -> Void = { _ in }
  ) throws(StoreFailure) -> Checkpoint {
    let keys = if let keys { keys } else { try Store.publishedKeys(ofStoreAt: path) }
    let signed = try checkpoint(keys: keys)
    var hasher = TreeHasher()
    var frontier = MerkleFrontier()
    for part in manifest.parts {
      let file = try RecordFile(reading: path + "/" + part.file)
      try file.forEachRecord(from: part.first, to: part.last) {
        (record) throws(StoreFailure) in
        frontier.append(hasher.leaf(record.bytes), using: &hasher)
        let position = record.position.rawValue
        if position.isMultiple(of: 65_536) { progress?(position, manifest.last.rawValue) }
        try body(record)
      }
    }
    let root = frontier.root(using: &hasher)
    guard root == signed.root else {
      throw .backupRefused(
        path: path, "its records have the root \(root.base64), signed is \(signed.root.base64)")
    }
    try checkFiles()
    progress?(manifest.last.rawValue, manifest.last.rawValue)
    return signed
  }

  /// Checks what lies beside the records and nobody has signed for: the names, the keys, the positions.
  private func checkFiles() throws(StoreFailure) {
    let names = path + "/names.mdb"
    for file in [names, path + "/checkpoint.key"] where !Files.exists(file) {
      throw .backupRefused(path: file, "it is missing")
    }
    do throws(PageCheckFailure) { try NameStore.checkPages(in: path, file: "names.mdb") } catch {
      if case .damaged(let damage) = error {
        throw .backupRefused(path: names, damage.description)
      }
      throw .backupRefused(path: names, "it cannot be read")
    }
    guard let key = try CheckpointKey(ofStoreAt: path).read()?.verifyingKey,
      try Store.publishedKeys(ofStoreAt: path).contains(key)
    else {
      throw .backupRefused(
        path: path + "/checkpoint.pub", "it does not have the half of checkpoint.key")
    }
    for readers in PositionReaders.allCases {
      _ = try PositionFile(of: readers, inStoreAt: path, log: manifest.log).readerCount()
    }
  }

  /// What was signed about all of its records.
  func checkpoint(keys: [VerifyingKey]) throws(StoreFailure) -> Checkpoint {
    let file = path + "/" + manifest.checkpoint
    let bytes = try Files.read(file)
    let checkpoint = try usingLog(
      KeptCheckpoint(.file(file), bytes).verified(origin: manifest.origin, keys: keys)
        .checkpoint)
    guard checkpoint.size.count == manifest.last.rawValue else {
      throw .backupRefused(
        path: file, "it is about \(checkpoint.size) records, the manifest about \(manifest.last)")
    }
    return checkpoint
  }
}
