internal import LMDB
public import QuotaModel

/// Which records a damaged page concerns.
public enum AffectedRecords: Hashable, Sendable {
  case unknown
  case from(Position)
  case behind(Position)
}

extension LMDBLog {
  /// Checks that the pages of the log at `path` are what LMDB takes them for, without opening it;
  /// answers how many are in use.
  ///
  /// It comes before every long look at a log that may be damaged: LMDB may crash on such pages. The
  /// records themselves are for `scan`.
  public static func checkPages(
    at path: String, progress: ((UInt64, UInt64) -> Void)? = nil
  ) throws(LogFailure) -> UInt64 {
    do throws(PageCheckFailure) {
      return try PageCheck.run(
        directory: path, tables: LogStore.tableNames,
        optionalTables: Set(TreeTables.names), progress: progress
      ).reachedPageCount
    } catch {
      switch error {
      case .damaged(let damage):
        throw .pageDamaged(
          path: path, damage.description, AffectedRecords(damage))
      case .unreadable(let error): throw LogFailure(error, path: path)
      case .busy: throw .alreadyOpen(path: path)
      }
    }
  }
}

extension AffectedRecords {
  fileprivate init(_ damage: PageDamage) {
    guard damage.table == LogStore.eventsName else {
      self = .unknown
      return
    }
    let position =
      switch damage.entries {
      case .unknown: nil as Position?
      case .at(let key), .after(let key): Chunk.position(ofKey: key.rawBytes)
      }
    switch (damage.entries, position) {
    case (_, nil), (.unknown, _): self = .unknown
    case (.at, let position?): self = .from(position)
    case (.after, let position?): self = .behind(position)
    }
  }
}

extension AffectedRecords: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknown: "which records it concerns is not known"
    case .from(let position): "it concerns the records from position \(position) on"
    case .behind(let position): "it concerns records behind position \(position)"
    }
  }
}
