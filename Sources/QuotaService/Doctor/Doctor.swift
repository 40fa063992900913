internal import EventLog
internal import Evidence
internal import Glibc
public import QuotaModel

/// Looks at every part of a data directory and says what it would do; changes nothing.
///
/// A server may go on meanwhile. Pages are checked before LMDB opens a file: it may crash on damaged ones.
public struct Doctor {
  /// Below this much free space writing may end soon.
  private static let scarceByteCount: UInt64 = 1 << 30
  /// What a fold does in a second, at the least, for an estimate.
  private static let foldedPerSecond: UInt64 = 500_000

  private let path: String
  private let now: Moment

  public init(ofStoreAt path: String, at now: Moment = System.clock()) {
    self.path = path
    self.now = now
  }

  /// Examines everything; the pages and the tree quickly, each record only with `readingRecords`.
  public func examine(
    readingRecords: Bool = false, progress: ProgressReport? = nil
  ) -> [DoctorFinding] {
    guard Store.exists(at: path) else {
      let failure = Store.absence(of: path)
      return [
        .failure("directory", failure.description, "name another --data, or restore a backup")
      ]
    }
    var findings = [space(), server(), key()]
    let (logPages, isLogWhole) = pages("log") { () throws(StoreFailure) in
      try Store.checkLogPages(at: path, progress: progress)
    }
    let (namePages, areNamesWhole) = pages("names") { () throws(StoreFailure) in
      try NameStore.checkPages(at: path + "/names")
    }
    findings += [logPages, namePages]
    guard isLogWhole else { return findings }
    if areNamesWhole { findings += missingNames() }
    findings += [log(), witness()] + clock()
    if readingRecords { findings.append(records(progress)) }
    findings += projection() + files() + readers()
    return findings
  }

  private func attempt(
    _ part: String, _ remedy: String, _ body: () throws(StoreFailure) -> DoctorFinding
  ) -> DoctorFinding {
    do throws(StoreFailure) { return try body() } catch { return finding(part, error, remedy) }
  }

  /// What cannot be looked at for lack of room says nothing about what is there.
  private func finding(
    _ part: String, _ failure: StoreFailure, _ remedy: String
  ) -> DoctorFinding {
    failure.remedy == .makeRoom
      ? .warning(part, "it cannot be looked at: \(failure)", "make room, and look again")
      : .failure(part, failure.description, remedy)
  }

  private static let restoring =
    "stop the server, move the directory away, and `quotalog restore BACKUP --data DIR`"

  // MARK: Surroundings

  private func space() -> DoctorFinding {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else {
      return .warning("disk", "its free space cannot be told", "look at `df`")
    }
    let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
    let text = "\(free >> 20) MiB are free"
    return free < Self.scarceByteCount
      ? .warning("disk", text, "make room: a full disk stops writes, and they go on by themselves")
      : .fine("disk", text)
  }

  private func server() -> DoctorFinding {
    let lock = WriterLock.file(ofStoreAt: path)
    guard FileLock.isHeld(lock) else { return .fine("lock", "no process writes to the store") }
    let process = FileLock.holder(of: lock).map { ", process \($0)" } ?? ""
    return .note("lock", "a server is running\(process); its memory is not looked at")
  }

  private func key() -> DoctorFinding {
    let file = path + "/checkpoint.key"
    var status = stat()
    guard unsafe stat(file, &status) == 0 else {
      return .warning(
        "key", "checkpoint.key is missing: nothing is signed",
        "restore it from a backup, or `quotalog checkpoint --new-key`")
    }
    guard status.st_mode & 0o077 == 0 else {
      return .warning(
        "key", "others than the owner may read checkpoint.key", "`chmod 600 \(file)`")
    }
    return attempt("key", "restore checkpoint.key and checkpoint.pub from a backup") {
      () throws(StoreFailure) in
      let key = CheckpointKey(ofStoreAt: path)
      guard let own = try key.read()?.verifyingKey, try key.readPublic().contains(own) else {
        return .warning(
          "key", "checkpoint.pub does not have the half of checkpoint.key",
          "restore both from the same backup")
      }
      return .fine("key", "checkpoint.key signs, and only its owner may read it")
    }
  }

  // MARK: Log

  private func pages(
    _ part: String, _ check: () throws(StoreFailure) -> UInt64
  ) -> (DoctorFinding, isWhole: Bool) {
    do throws(StoreFailure) {
      return (.fine(part, "\(try check()) pages are whole"), true)
    } catch {
      return (.failure(part, error.description, Self.restoring), false)
    }
  }

  /// What is wrong with the number of names.
  private func missingNames() -> [DoctorFinding] {
    do throws(StoreFailure) {
      try Store.checkNames(ofStoreAt: path)
      return []
    } catch {
      return [finding("names", error, Self.restoring)]
    }
  }

  private func openLog() throws(StoreFailure) -> LMDBLog {
    try usingLog(LMDBLog(at: path + "/log", mode: .reading))
  }

  private func head() throws(StoreFailure) -> Position {
    let log = try openLog()
    return try usingLog(log.head())
  }

  /// The records' end, the tree, and the latest checkpoint of both.
  private func log() -> DoctorFinding {
    attempt("log", Self.restoring) { () throws(StoreFailure) in
      let log = try openLog()
      let head = try usingLog(log.head())
      do throws(StoreFailure) {
        let kept = try usingLog(log.latestCheckpoint())
        guard let kept else { return .fine("log", "\(head) records, no checkpoint yet") }
        guard kept.size.count <= head.rawValue else {
          throw .log(.treeDiffers(.recordsMissing(head: head, tree: kept.size)))
        }
        return try finding("log", about: KeptCheckpoint(kept), in: log) {
          "\(head) records; \($0) of them are signed for"
        }
      } catch .log(.noTree) {
        return .note(
          "log", "\(head) records without a Merkle tree", "serve it once: it is made then")
      }
    }
  }

  /// Whether the log bears a checkpoint out; `fine` says so of the size.
  private func finding(
    _ part: String, about kept: KeptCheckpoint, in log: LMDBLog, _ fine: (TreeSize) -> String
  ) throws(StoreFailure) -> DoctorFinding {
    let origin = try LogOrigin(naming: log)
    let keys: [VerifyingKey]
    do { keys = try Store.publishedKeys(ofStoreAt: path) } catch {
      return .warning(part, error.description, "restore checkpoint.pub from a backup")
    }
    return try usingLog { () throws(LogFailure) in
      let signed = try kept.verified(origin: origin.text, keys: keys).checkpoint
      if let fault = try log.fault(of: signed) {
        throw .treeDiffers(.checkpoint(.log(signed.size), fault))
      }
      return .fine(part, fine(signed.size))
    }
  }

  /// Whether the clock is behind the last event; nothing where it is not.
  private func clock() -> [DoctorFinding] {
    do throws(StoreFailure) {
      let log = try openLog()
      let recordedAt = try usingLog(log.recordedAt(log.head()))
      guard let lag = recordedAt.flatMap({ ClockLag(after: $0, now: now) }) else { return [] }
      return [
        .warning(
          "clock", lag.description,
          "set the clock right if it is wrong; if it was ahead before, nothing has to be done")
      ]
    } catch {
      // A record that cannot be read is what `records` looks for; it says nothing about the clock.
      return []
    }
  }

  /// The checkpoint that lies beside the log.
  private func witness() -> DoctorFinding {
    attempt("witness", Self.restoring) { () throws(StoreFailure) in
      guard let kept = try Witness(ofStoreAt: path).read() else {
        return .note("witness", "no checkpoint lies beside the log yet")
      }
      return try finding("witness", about: kept, in: openLog()) {
        "the log has what was signed for \($0) records"
      }
    }
  }

  private func records(_ progress: ProgressReport?) -> DoctorFinding {
    attempt("records", Self.restoring) { () throws(StoreFailure) in
      let report = try Store.verifyLog(at: path, progress: progress)
      return .fine(
        "records", "\(report.head) records and \(report.checkpointCount) checkpoints are right")
    }
  }

  // MARK: Projection and files

  private func projection() -> [DoctorFinding] {
    do throws(StoreFailure) {
      let head = try head()
      _ = try Generations.checkPages(ofStoreAt: path, progress: nil)
      // Whoever lists generations makes the directory of them.
      let entries =
        Files.exists(path + "/projections") ? try ProjectionStore(ofStoreAt: path).list() : []
      guard entries.contains(where: { $0.role == .live }) else {
        return [
          .note("projection", "there is none", "the next start folds \(fold(head.rawValue))")
        ]
      }
      return entries.map { finding(about: $0, head) }
    } catch {
      return [finding("projection", error, "`quotalog projections rebuild --swap`")]
    }
  }

  private func finding(about entry: GenerationEntry, _ head: Position) -> DoctorFinding {
    let part = "projection \(entry.number)"
    let size = "\(entry.byteCount >> 20) MiB"
    guard entry.role == .live else {
      let role = entry.role == .previous ? "the one before, for a rollback" : "not in use"
      return .note(
        part, "\(role), \(size)", "`quotalog projections prune` removes what is not used")
    }
    switch entry.condition {
    case .complete:
      let lag = head.rawValue - min(head.rawValue, entry.position?.rawValue ?? 0)
      return lag == 0
        ? .fine(part, "live, has all \(head) events, \(size)")
        : .note(part, "live, \(size)", "the next start folds \(fold(lag))")
    case .building, .interrupted:
      return .warning(part, "live and not finished", "the next start folds \(fold(head.rawValue))")
    case .unusable(let reason):
      return .warning(part, "live, but \(reason)", "the next start folds \(fold(head.rawValue))")
    }
  }

  private func fold(_ count: UInt64) -> String {
    "\(count) events, about \(count / Self.foldedPerSecond + 1) s"
  }

  /// Whoever keeps pages from being used again.
  private func readers() -> [DoctorFinding] {
    Store.oldestReaders(ofStoreAt: path).map { (reader) in
      let text =
        "process \(reader.process) reads the \(reader.part) as it was \(reader.commitsBehind) commits ago"
      let remedy =
        "nothing that was given up since is used again: let process \(reader.process) go on (`kill -CONT`), "
        + "or end it"
      return reader.commitsBehind >= StoreReader.commitsWorthAWarning
        ? .warning("readers", text, remedy) : .note("readers", text)
    }
  }

  private func files() -> [DoctorFinding] {
    var findings = PositionReaders.allCases.compactMap(positions)
    let names = (try? Files.names(in: path)) ?? []
    for name in names where name.hasSuffix(".new") {
      findings.append(
        .note(name, "an interrupted write left it", "it is replaced by the next one"))
    }
    return findings
  }

  /// nil where nobody keeps a place.
  private func positions(of readers: PositionReaders) -> DoctorFinding? {
    guard Files.exists(path + "/" + readers.rawValue) else { return nil }
    return attempt(readers.rawValue, "restore a backup of it, or remove it") {
      () throws(StoreFailure) in
      let file = PositionFile(of: readers, inStoreAt: path, log: try openLog().identity.id)
      return .fine(readers.rawValue, "\(try file.readerCount()) keep their place")
    }
  }
}
