internal import LMDB
internal import QuotaModel

/// One projection on disk: an environment without flushes, disposable, folded from the log.
///
/// It survives the death of its process, because the kernel has its pages; it does not survive the
/// death of the machine, and the file `trust` beside them says so.
public final class Generation: Sendable {
  public let path: String
  let environment: MarkedEnvironment
  let tables: Tables
  /// What this process has folded and not stored yet.
  let overlay = Overlay()

  /// Opens the generation in the existing directory `path`; creates its tables where it may write.
  public init(at path: String, isReadOnly: Bool) throws(ProjectionFailure) {
    do throws(LMDBError) {
      environment = try MarkedEnvironment(
        path: path,
        options: Environment.Options(
          durability: .unsynced, isReadOnly: isReadOnly, tables: Tables.names))
      tables = try Tables(in: environment)
      if !isReadOnly { try environment.clearDeadReaders() }
    } catch {
      throw ProjectionFailure(error, path: path)
    }
    self.path = path
  }

  /// The stored state; nil in an empty generation, or where another version wrote it.
  public func state() throws(ProjectionFailure) -> ProjectionState? {
    try translating { () throws(LMDBError) in
      let transaction = try environment.beginRead()
      let key = StateRow.key
      guard let row = try transaction.get(key.rawBytes, in: tables.meta) else { return nil }
      return StateRow.state(from: row)
    }
  }

  /// Stores the state of an empty generation.
  public func initialise(_ state: ProjectionState) throws(ProjectionFailure) {
    try environment.write { (transaction) throws(LMDBError) in
      let key = StateRow.key
      let row = StateRow.bytes(of: state)
      try transaction.put(row.rawBytes, under: key.rawBytes, in: tables.meta)
    }
  }

  /// Runs `body` with a consistent view of everything that is folded, for one position.
  ///
  /// Nothing more is published while it runs: keep it short.
  public func read<Result>(
    _ body: (borrowing Snapshot) throws(ProjectionFailure) -> Result
  ) throws(ProjectionFailure) -> Result {
    try overlay.withContent { (content) throws(ProjectionFailure) in
      let transaction = try translating { () throws(LMDBError) in try environment.beginRead() }
      return try body(Snapshot(transaction: transaction, tables: tables, overlay: content))
    }
  }

  /// Has readers see the tables alone, from one moment on: they have everything that was published.
  public func forgetPublished() { overlay.update { $0 = OverlayContent() } }

  func translating<Result: ~Copyable>(
    _ body: () throws(LMDBError) -> Result
  ) throws(ProjectionFailure) -> Result {
    do {
      return try body()
    } catch {
      throw ProjectionFailure(error, path: path)
    }
  }
}
