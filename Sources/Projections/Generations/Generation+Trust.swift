internal import LMDB
public import QuotaModel

/// Whether a generation's pages are known to be what was committed.
public enum Trust: Hashable, Sendable {
  /// All of them were flushed, and nobody has written since.
  case closed
  /// They are in use, or were when a process was killed: they are whole as long as the kernel that
  /// holds them runs.
  case inUse
  /// It is being folded from the log, or was when its process was killed: then the fold may go on from
  /// where it is.
  case building
  /// Nothing is known of them: not even LMDB may look, which may crash on pages that are of no one
  /// commit.
  case doubtful(Doubt)
}

/// Why nothing is known of a generation's pages.
public enum Doubt: Hashable, Sendable {
  /// Nobody has said anything about them.
  case unmarked
  /// The machine was restarted while they were in use.
  case restarted
  /// They are a copy of some that were in use, or that were closed before the machine was restarted:
  /// nobody flushed them.
  case copied
  /// Somebody wrote to them after they were closed.
  case changed
}

extension Generation {
  /// What is known of the pages in the directory `path`, without opening them.
  public static func trust(
    at path: String, bootID: String
  ) throws(ProjectionFailure) -> Trust {
    guard let mark = try TrustMark(in: path), let file = try FileIdentity(ofFileIn: path) else {
      return .doubtful(.unmarked)
    }
    switch mark.claim {
    case .closed: return try trust(inClosed: mark, file, at: path, bootID)
    case .building, .inUse:
      guard mark.bootID == bootID else { return .doubtful(.restarted) }
      guard mark.file.isSameFile(as: file) else { return .doubtful(.copied) }
      return mark.claim == .building ? .building : .inUse
    }
  }

  /// A copy is whole as long as the machine runs on which both were made; whether it was flushed before
  /// a restart, nobody knows.
  private static func trust(
    inClosed mark: TrustMark, _ file: FileIdentity, at path: String, _ bootID: String
  ) throws(ProjectionFailure) -> Trust {
    guard mark.bootID == bootID || mark.file.isSameContent(as: file) else {
      return .doubtful(.copied)
    }
    let commit: CommitMark?
    do { commit = try CommitMark(ofFileIn: path) } catch {
      throw ProjectionFailure(error, path: path)
    }
    return commit != nil && commit == mark.commit ? .closed : .doubtful(.changed)
  }

  /// The last event of `log` that was stored when the mark of the generation at `path` was made; nil where
  /// there is no mark, or one of another log. True even where nothing is known of the pages.
  public static func markedPosition(
    at path: String, of log: UserID
  ) throws(ProjectionFailure) -> Position? {
    guard let mark = try TrustMark(in: path), mark.log == nil || mark.log == log else { return nil }
    return mark.position
  }

  public func trust(bootID: String) throws(ProjectionFailure) -> Trust {
    try Self.trust(at: path, bootID: bootID)
  }

  /// Notes, before the first change, that pages may be in the kernel only from now on.
  ///
  /// It is flushed only where the disk may say that the generation is closed: anything else that it may
  /// say after a crash of the machine is not believed either.
  public func markInUse(bootID: String) throws(ProjectionFailure) {
    let trust = try trust(bootID: bootID)
    if trust == .inUse { return }
    let isBuilt = trust == .building
    try mark(.inUse, bootID).write(in: path, isDurable: !isBuilt)
    environment.expectChanges()
  }

  /// Notes that the fold into this new generation begins. It is not flushed: what a machine that
  /// crashed has left of it is not gone on with.
  public func markBuilding(bootID: String) throws(ProjectionFailure) {
    try mark(.building, bootID).write(in: path, isDurable: false)
    environment.expectChanges()
  }

  /// Flushes everything, and only then notes that the generation may be trusted, until somebody changes
  /// anything.
  public func markClosed(bootID: String) throws(ProjectionFailure) {
    environment.expectVouching()
    do {
      try environment.sync()
    } catch {
      // Whatever the kernel could not write it may have dropped: a second flush would say nothing.
      try TrustMark.remove(from: path)
      throw ProjectionFailure(error, path: path)
    }
    let commit: CommitMark?
    do { commit = try CommitMark(ofFileIn: path) } catch {
      throw ProjectionFailure(error, path: path)
    }
    try mark(.closed, bootID, commit).write(in: path, isDurable: true)
  }

  private func mark(
    _ claim: TrustMark.Claim, _ bootID: String, _ commit: CommitMark? = nil
  ) throws(ProjectionFailure) -> TrustMark {
    guard let file = try FileIdentity(ofFileIn: path) else { throw .missing(path: path) }
    let state = try state()
    return TrustMark(claim, bootID, file, state?.position ?? .zero, log: state?.log, commit)
  }
}
