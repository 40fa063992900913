internal import EventLog
internal import Evidence
internal import LMDB
public import QuotaModel

/// What a backup run has done.
public struct BackupReport: Sendable {
  /// Records that were not in the backup before.
  public let newCount: UInt64
  /// The last record that it has.
  public let position: Position
}

extension Store {
  private static let bytesPerRead = 1 << 20

  /// Copies the log and everything beside it to the directory `path`, which is made, or brought up to date
  /// where it holds a backup of the same log: then only what is new is copied.
  ///
  /// A server may go on meanwhile. What was copied is read again from the disk and hashed, and has to come to
  /// the root that is signed. Until the end the backup is the one before.
  public func backUp(
    to path: String, clock: Clock, progress: ProgressReport? = nil
  ) throws(StoreFailure) -> BackupReport {
    try Files.makeDirectory(path)
    // Before the lock is made: nothing is left in somebody else's directory.
    _ = try manifest(at: path, clock: clock)
    let lock = try Self.lockBackup(at: path)
    defer { withExtendedLifetime(lock) {} }
    var manifest = try manifest(at: path, clock: clock)
    let last = manifest.last
    try checkPast(of: manifest, at: path)
    let signed = try signCheckpoint()
    let head = Position(signed.checkpoint.size.count)
    if head > last {
      let part = BackupManifest.Part(
        first: last.next, last: head, file: "records-\(last.next)-\(head)")
      try copyRecords(of: part, to: path, progress: progress)
      try verify(part, at: path, signed.checkpoint)
      manifest.parts.append(part)
    }
    // What belongs to the records is there before it is copied; what comes on top, a restore removes.
    manifest.names = try usingLog(log.nameTally())
    try copyNames(to: path)
    try copyFiles(to: path)
    manifest.madeAt = clock()
    manifest.checkpoint = "checkpoint-\(head)"
    let (note, text) = (signed.note.string, manifest.text)
    let checkpoint = path + "/" + manifest.checkpoint
    try Files.replace(checkpoint, with: Array(note.utf8))
    try Files.replace(path + "/manifest", with: Array(text.utf8))
    try removeLeftovers(of: manifest, at: path)
    return BackupReport(newCount: head.rawValue - last.rawValue, position: head)
  }

  private static func lockBackup(at path: String) throws(StoreFailure) -> WriterLock {
    do throws(StoreFailure) {
      return try WriterLock(ofStoreAt: path)
    } catch .inUse(_, let process) {
      throw .backupInUse(path: path, process: process)
    }
  }

  private func manifest(at path: String, clock: Clock) throws(StoreFailure) -> BackupManifest {
    guard Files.exists(path + "/manifest") else {
      let names = try Files.names(in: path)
      guard Backup.isUnfinished(names) else { throw .notEmpty(path: path) }
      return BackupManifest(
        of: logID, createdAt: log.identity.createdAt, origin: try origin().text, madeAt: clock())
    }
    let manifest = try Backup(at: path).manifest
    guard manifest.log == logID else {
      throw .backupRefused(path: path, "it is a backup of another log, \(manifest.log)")
    }
    return manifest
  }

  /// Removes what the manifest does not name: checkpoints before, and what interrupted runs copied.
  private func removeLeftovers(
    of manifest: BackupManifest, at path: String
  ) throws(StoreFailure) {
    let named = Set(manifest.parts.map(\.file) + [manifest.checkpoint])
    for name in try Files.names(in: path)
    where (name.hasPrefix("checkpoint-") || name.hasPrefix("records-")) && !named.contains(name) {
      try Files.remove(path + "/" + name)
    }
  }

  /// Checks that what the backup has is what this log began with.
  private func checkPast(of manifest: BackupManifest, at path: String) throws(StoreFailure) {
    guard manifest.last > .zero else { return }
    let keys = try Self.publishedKeys(ofStoreAt: self.path)
    let known = try Backup(at: path).checkpoint(keys: keys)
    let fault = try usingLog(log.fault(of: known))
    if case .beyondEnd(let size, let head) = fault {
      throw .backupRefused(
        path: path, "it has \(size) records and the log only \(head): the log has lost its end")
    }
    guard fault == nil else {
      throw .backupRefused(path: path, "its records are not those that this log begins with")
    }
  }

  private func copyRecords(
    of part: BackupManifest.Part, to path: String, progress: ProgressReport?
  ) throws(StoreFailure) {
    let total = part.last.rawValue - part.first.rawValue + 1
    var position = Position(part.first.rawValue - 1)
    let file = try RecordFile(writing: path + "/" + part.file)
    while position < part.last {
      let read = try usingLog(log.read(after: position, maximumByteCount: Self.bytesPerRead))
      guard let segment = read.first else { throw .log(.damaged(at: position.next, .missing)) }
      let wanted = Int(part.last.rawValue - position.rawValue)
      let records = segment.prefix(wanted)
      try file.append(records)
      position = position.advanced(by: min(segment.count, wanted))
      progress?(total - (part.last.rawValue - position.rawValue), total)
    }
    try file.sync()
    try Files.syncDirectory(holding: file.path)
  }

  /// Reads what was written back and hashes it.
  private func verify(
    _ part: BackupManifest.Part, at path: String, _ checkpoint: Checkpoint
  ) throws(StoreFailure) {
    var hasher = TreeHasher()
    let old = TreeSize(part.first.rawValue - 1)
    var frontier = try usingProofs(log.frontier(of: old))
    let file = try RecordFile(reading: path + "/" + part.file)
    try file.forEachRecord(from: part.first, to: part.last) { record in
      frontier.append(hasher.leaf(record.bytes), using: &hasher)
    }
    guard frontier.root(using: &hasher) == checkpoint.root else {
      throw .backupRefused(path: file.path, "what was read back is not what was written")
    }
  }

  private func copyNames(to path: String) throws(StoreFailure) {
    let fresh = path + "/names.new"
    if Files.exists(fresh) { try Files.removeDirectory(fresh) }
    try Files.makeDirectory(fresh)
    try names.copy(to: fresh)
    _ = try NameStore.checkPages(at: fresh)
    try Files.setMode(0o640, of: fresh + "/data.mdb")
    try Files.move(fresh + "/data.mdb", to: path + "/names.mdb")
    try Files.removeDirectory(fresh)
  }

  /// Reads the keys in the other order than it writes them: somebody may be changing them.
  private func copyFiles(to path: String) throws(StoreFailure) {
    let files = Backup.plainFiles.filter { Files.exists(self.path + "/" + $0.name) }
    var contents: [[UInt8]] = []
    for file in files.reversed() { contents.append(try Files.read(self.path + "/" + file.name)) }
    for (file, bytes) in zip(files, contents.reversed()) {
      try Files.replace(path + "/" + file.name, with: bytes, mode: file.mode)
    }
  }
}

extension Segment {
  /// The bytes of the first records, `count` at most.
  fileprivate func prefix(_ count: Int) -> [UInt8] {
    guard count < self.count else { return records }
    var end = 0
    for _ in 0..<count { end += Int(records[end]) | Int(records[end + 1]) << 8 }
    return Array(records[..<end])
  }
}
