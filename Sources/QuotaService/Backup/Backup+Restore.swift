internal import EventLog
public import Evidence
internal import LMDB
public import QuotaModel

/// What a restore has made.
public struct RestoreReport: Sendable {
  /// The last record of the store.
  public let position: Position
  /// Whether it is the log that was backed up; else another one that begins like it.
  public let isWhole: Bool
  /// What checkpoints call the log.
  public let origin: String
}

extension Backup {
  private static let recordsPerCommit = 4096

  /// Makes a store of the backup at `directory`, which must not exist or be empty.
  ///
  /// With `point` it has what had happened by then, and nothing later. Where that leaves records out, the store
  /// is another log: it gets a name and a key of its own, because two logs that part must not be signed for as
  /// one. Where it leaves out none, the store is the log that was backed up.
  ///
  /// Every record is verified and folded before the store gets its name; until then it lies beside it as
  /// `.restoring`.
  public func restore(
    to directory: String, point: PointInTime? = nil, trusting keys: [VerifyingKey]? = nil,
    progress: ProgressReport? = nil
  ) throws(StoreFailure) -> RestoreReport {
    try Self.require(empty: directory)
    if case .position(let position) = point, position > manifest.last {
      throw .backupRefused(path: path, "it ends at record \(manifest.last), before \(position)")
    }
    let fresh = directory + ".restoring"
    try Files.makeDirectory(fresh)
    // Two restores would remove each other's files.
    let lock = try WriterLock(ofStoreAt: fresh)
    defer { withExtendedLifetime(lock) {} }
    do throws(StoreFailure) {
      try Self.layOut(fresh)
      let report = try fill(fresh, point, trusting: keys, progress: progress)
      try Self.complete(fresh, lock)
      // A directory takes the place of an empty one in one step.
      try Files.move(fresh, to: directory)
      return report
    } catch {
      // Why it failed says more than that something is left, which the next attempt removes.
      try? Files.removeTree(fresh)
      throw error
    }
  }

  /// Empties the directory of a store to be made, but for its lock.
  private static func layOut(_ path: String) throws(StoreFailure) {
    for name in try Files.names(in: path) where name != "lock" {
      try Files.removeEntry(path + "/" + name)
    }
    for name in ["names", "projections", "log"] { try Files.makeDirectory(path + "/" + name) }
  }

  private static func require(empty directory: String) throws(StoreFailure) {
    guard Files.exists(directory) else { return }
    if Store.exists(at: directory) { throw .exists(path: directory) }
    let names = try Files.names(in: directory)
    guard names.isEmpty else { throw .notEmpty(path: directory) }
  }

  private func fill(
    _ path: String, _ point: PointInTime?, trusting keys: [VerifyingKey]?, progress: ProgressReport?
  ) throws(StoreFailure) -> RestoreReport {
    let isWhole = try point.map { (point) throws(StoreFailure) in try !leavesOut(point) } ?? true
    let identity = LogIdentity(
      id: isWhole ? manifest.log : System.randomUser(), createdAt: manifest.createdAt)
    try usingLog(LMDBLog.create(at: path + "/log", identity: identity))
    let log = try usingLog(LMDBLog(at: path + "/log", mode: .appending))
    if isWhole {
      _ = try usingLog(log.setOrigin(manifest.origin))
      try copyFiles(to: path)
    }
    var writer = RestoringWriter(log, upTo: isWhole ? nil : point)
    try verify(trusting: keys, progress: progress) { (record) throws(StoreFailure) in
      try writer.take(record)
    }
    try writer.commit()
    if isWhole { try keepCheckpoint(in: log) }
    try copyNames(to: path)
    let head = writer.last
    guard isWhole || head > .zero else {
      throw .backupRefused(path: self.path, "nothing had happened by then")
    }
    return RestoreReport(
      position: head, isWhole: isWhole,
      origin: isWhole ? manifest.origin : LogOrigin(of: identity.id).text)
  }

  /// Whether a record had not happened by then. What the manifest says about time tells nothing: the clock that
  /// it is by may have been behind that of the records.
  private func leavesOut(_ point: PointInTime) throws(StoreFailure) -> Bool {
    guard let part = manifest.parts.last else { return false }
    var isLastIncluded = true
    let file = try RecordFile(reading: path + "/" + part.file)
    try file.forEachRecord(from: part.first, to: part.last) { record in
      if record.position == part.last { isLastIncluded = point.includes(record) }
    }
    return !isLastIncluded
  }

  /// Folds the log and removes the names and texts of which it knows nothing, as every start does: nobody finds
  /// them later.
  private static func complete(_ path: String, _ lock: WriterLock) throws(StoreFailure) {
    try Store(at: path, lock: lock).close()
  }

  /// What was signed about the backup holds for the log that it becomes.
  private func keepCheckpoint(in log: LMDBLog) throws(StoreFailure) {
    let bytes = try Files.read(path + "/" + manifest.checkpoint)
    let size = TreeSize(manifest.last.rawValue)
    try usingLog(log.store(StoredCheckpoint(size: size, bytes: bytes)))
  }

  private func copyNames(to path: String) throws(StoreFailure) {
    try Files.copy(self.path + "/names.mdb", to: path + "/names/data.mdb")
    _ = try NameStore.checkPages(at: path + "/names")
    guard let known = manifest.names else { return }
    let found = try NameStore(at: path + "/names", isReadOnly: true).tally()
    guard found.covers(known) else {
      throw .backupRefused(
        path: self.path + "/names.mdb",
        "it has \(found.givenCount) of \(known.givenCount) names that were given")
    }
  }

  private func copyFiles(to path: String) throws(StoreFailure) {
    for file in Self.plainFiles where Files.exists(self.path + "/" + file.name) {
      let bytes = try Files.read(self.path + "/" + file.name)
      try Files.replace(path + "/" + file.name, with: bytes, mode: file.mode)
    }
  }

  /// Appends records, some thousand a commit.
  private struct RestoringWriter {
    private let log: LMDBLog
    /// nil: everything.
    private let point: PointInTime?
    private var isAtEnd = false
    private var records = RecordBatch()
    private(set) var last = Position.zero

    init(_ log: LMDBLog, upTo point: PointInTime?) {
      self.log = log
      self.point = point
    }

    mutating func take(_ record: borrowing RecordView) throws(StoreFailure) {
      if let point, !point.includes(record) { isAtEnd = true }
      // Nothing follows what is left out: a log has no gaps.
      if isAtEnd { return }
      records.append(encoded: record)
      if records.count == recordsPerCommit { try commit() }
    }

    mutating func commit() throws(StoreFailure) {
      guard !records.isEmpty else { return }
      let segment = Segment(
        firstPosition: last.next, count: records.count, records: records.bytes)
      try usingLog(log.append(segment))
      last = last.advanced(by: records.count)
      records.removeAll()
    }
  }
}

extension PointInTime {
  /// Whether a record had happened by then.
  fileprivate func includes(_ record: borrowing RecordView) -> Bool {
    switch self {
    case .position(let position): record.position <= position
    case .moment(let moment): record.recordedAt <= moment
    }
  }
}
